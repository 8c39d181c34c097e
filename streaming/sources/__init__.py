"""Where sales come from: one definition a source, and what reads each kind of source into the log."""
