"""The benchmark: a stack of its own, and ratios of figures that are measured side by side in one run."""
