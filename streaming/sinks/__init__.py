"""Where the jobs write: one file a technology."""
