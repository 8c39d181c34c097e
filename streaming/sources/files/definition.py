"""What a source of files is defined by."""

from __future__ import annotations

from typing import ClassVar, Literal

from streaming.sources.definition import Source


class FilesSource(Source):
    """A folder whose files hold sales.

    Attributes:
        folder: an absolute path or an `s3://bucket/prefix`.
    """

    kind: Literal["files"]
    folder: str

    own_topic: ClassVar[str] = "events.files"

    @property
    def origin(self) -> tuple[str, str]:
        """The folder."""
        return ("s3" if self.folder.startswith("s3://") else "file"), self.folder
