"""Where figures come from: one file a technology, and in-memory doubles of all of them."""
