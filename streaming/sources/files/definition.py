"""What a source of files is defined by."""

from __future__ import annotations

import codecs
import hashlib
from pathlib import PurePosixPath
from typing import ClassVar, Literal

from pydantic import Field, field_validator, model_validator

from streaming.sources.definition import Secret, Source
from streaming.sources.fields import Part

S3 = "s3://"

Format = Literal["csv", "jsonl", "parquet"]
Packing = Literal["none", "gzip", "zstd"]

WIDE = ("utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le", "utf-32-be")
"""Encodings in which a line's end is more than one byte."""

ENCODINGS = (
    *("utf-8", "ascii", "latin-1", *(f"iso8859-{part}" for part in (2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 14, 15, 16))),
    *(f"cp{page}" for page in (437, 850, 852, 866, *range(1250, 1259))),
    *("koi8-r", "koi8-u", "mac-roman", "gb18030", "gbk", "big5", "shift_jis", "cp932", "euc_jp", "euc_kr", "cp949"),
    *WIDE,
)
"""Encodings whose lines can be told apart; the bytes of ASCII mean themselves in all but the wide ones."""

_BY_NAME = {codecs.lookup(name).name: name for name in ENCODINGS}


class Csv(Part):
    """How a CSV file is written.

    Attributes:
        delimiter: what separates values; without it a tab in `.tsv` files and a comma in others.
        quote: what surrounds a value that holds a delimiter, a quote or a line's end; empty: nothing does.
        escape: what makes the next character mean itself; without it a quote in a value is written twice.
        columns: the names, for files without a header line.
        skip_lines: how many lines stand before the header (or before the first record).
        spaces: whether spaces behind a delimiter belong to the value.
        null: the text that means no value.
    """

    delimiter: str | None = Field(None, min_length=1, max_length=1, pattern=r"^[^\r\n]$")
    quote: str = Field('"', max_length=1, pattern=r"^[^\r\n]?$")
    escape: str | None = Field(None, min_length=1, max_length=1, pattern=r"^[^\r\n]$")
    columns: tuple[str, ...] = ()
    skip_lines: int = Field(0, ge=0)
    spaces: bool = True
    null: str = ""


class Access(Part):
    """How an S3 store is reached; without keys, as the machine's own AWS configuration says.

    Attributes:
        endpoint: the address of a store that is not AWS, such as `https://minio.example:9000`.
        region: the bucket's.
        access_key: who asks.
        secret_key: its secret.
    """

    endpoint: str | None = Field(None, pattern=r"^(https?://)?[^/]+$")
    region: str = "us-east-1"
    access_key: Secret | None = None
    secret_key: Secret | None = None

    @model_validator(mode="after")
    def _both_keys(self) -> Access:
        if (self.access_key is None) != (self.secret_key is None):
            raise ValueError("valid: both or none of access_key and secret_key")
        return self


class Limits(Part):
    """What a file must not exceed; one that does is refused before any of its records is taken.

    Attributes:
        file_bytes: the file as it lies there.
        content_bytes: what it holds once it is unpacked.
        expansion: how many times its size it may hold once it is unpacked.
        line_bytes: one record, in characters; in Parquet the bytes of its texts. A longer record alone is refused.
        rows: records, and in texts also the lines that they are made of.
        files: files that are taken in one reading; the next one goes on.
    """

    file_bytes: int = Field(4 * 2**30, gt=0)
    content_bytes: int = Field(64 * 2**30, gt=0)
    expansion: float = Field(200.0, ge=1)
    line_bytes: int = Field(2**16, ge=64)
    rows: int = Field(1_000_000_000, gt=0)
    files: int = Field(100_000, gt=0)


class FilesSource(Source):
    """A folder whose files hold sales.

    Attributes:
        folder: an absolute path or an `s3://bucket/prefix`.
        recursive: whether folders within it are looked into.
        names: which files are taken, as a pattern of their names with `*` and `?`.
        ignore: patterns of names that are never looked at, of files and of folders.
        settle_seconds: for how long a file has to lie unchanged before it counts as finished; 0 where every file is
            written under an ignored name and then renamed.
        format: what the files are written in; without it their names tell.
        compression: how they are packed; without it their names tell.
        encoding: of texts; a byte order mark is no part of it.
        batch_rows: most records that are published together.
        remember_days: how long it is known what became of a file that is gone.
    """

    kind: Literal["files"]
    folder: str
    recursive: bool = False
    names: str = Field("*", pattern=r"^[^/]+$")
    ignore: tuple[str, ...] = (".*", "_*", "*~", "*.tmp", "*.part", "*.partial", "*.filepart", "*.crdownload", "*.swp")
    settle_seconds: float = Field(1.0, ge=0)
    format: Format | None = None
    compression: Packing | None = None
    encoding: str = "utf-8"
    batch_rows: int = Field(5_000, ge=1, le=100_000)
    csv: Csv = Csv()
    s3: Access = Access()
    limits: Limits = Limits()
    remember_days: float = Field(400.0, gt=0)
    every_seconds: float = Field(10.0, gt=0)

    own_topic: ClassVar[str] = "events.files"

    @field_validator("folder")
    @classmethod
    def _absolute(cls, folder: str) -> str:
        bucket, _, prefix = folder.removeprefix(S3).partition("/")
        place = PurePosixPath(prefix if folder.startswith(S3) else folder)
        if ".." in place.parts or not (bucket if folder.startswith(S3) else place.is_absolute()):
            raise ValueError(f"received {folder!r}, valid: an absolute path, or s3://bucket/prefix, without `..`")
        return folder.rstrip("/") or "/"

    @field_validator("encoding")
    @classmethod
    def _known(cls, encoding: str) -> str:
        try:
            return _BY_NAME[codecs.lookup(encoding).name]
        except LookupError:
            raise ValueError(f"received {encoding!r}, valid: one of {', '.join(ENCODINGS)}") from None

    @property
    def is_s3(self) -> bool:
        """Whether the folder is a prefix of a bucket."""
        return self.folder.startswith(S3)

    @property
    def origin(self) -> tuple[str, str]:
        """The folder."""
        return ("s3" if self.is_s3 else "file"), self.folder

    @property
    def reading(self) -> str:
        """Names how files are read: a file that was refused, or is half taken, begins anew when it changes."""
        said = self.model_dump_json(include={"fields", "format", "compression", "encoding", "csv", "limits"})
        return hashlib.sha256(said.encode()).hexdigest()[:12]
