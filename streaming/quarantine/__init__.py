"""The quarantine: every record that was refused anywhere, what it was, and what has been done with it since.

A record that the log has is named by its position in it. A record that its source's reader refused has none: it is
named by its source and a hash of what came (and of where it stood, where a source tells the same record in the same
place each time), so that reading it again makes it no second one.
"""

from streaming.quarantine.keeping import keep

__all__ = ["keep"]
