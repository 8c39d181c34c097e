"""What a source of files is defined by."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from streaming.sources.definition import Secret, Source

S3 = "s3://"
MIB = 2**20

Format = Literal["csv", "jsonl", "parquet"]

FORMATS: dict[str, Format] = {
    ".csv": "csv",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".parquet": "parquet",
}
"""The formats that a name tells, behind it perhaps `.gz` or `.zst`."""


class Part(BaseModel):
    """A frozen part that knows all its fields."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Csv(Part):
    """How CSV is written.

    Attributes:
        delimiter: between two fields.
        quote: around a field that holds a delimiter, a quote (doubled) or a line's end.
        columns: the names of the columns, where the first line does not tell them.
        null: the text that stands for no value.
    """

    delimiter: str = Field(",", min_length=1, max_length=1)
    quote: str = Field('"', min_length=1, max_length=1)
    columns: tuple[str, ...] = ()
    null: str = ""


class Access(Part):
    """How an S3 service is reached.

    Attributes:
        endpoint: host and port, or an address; AWS itself without it.
        region: the bucket's.
        access_key: who asks; the environment's credentials without it.
        secret_key: its secret.
    """

    endpoint: str | None = None
    region: str | None = None
    access_key: Secret | None = None
    secret_key: Secret | None = None

    @model_validator(mode="after")
    def _both_keys(self) -> Access:
        if (self.access_key is None) != (self.secret_key is None):
            raise ValueError("valid: both or none of access_key and secret_key")
        return self


class Limits(Part):
    """What a file may not exceed.

    Attributes:
        file_bytes: its size as it lies there.
        content_bytes: its size once decompressed.
        line_bytes: one line, or one field of CSV.
        rows: its records.
        files: the files that are looked at in one reading.
    """

    file_bytes: int = Field(4096 * MIB, ge=1)
    content_bytes: int = Field(64 * 1024 * MIB, ge=1)
    line_bytes: int = Field(MIB, ge=64)
    rows: int = Field(1_000_000_000, ge=1)
    files: int = Field(100_000, ge=1)


class FilesSource(Source):
    """A folder whose files hold sales; each file is taken once, by its path and its content.

    Attributes:
        folder: an absolute path, or `s3://bucket/prefix`.
        names: which files are taken, as a pattern of their names with `*` and `?`.
        recursive: whether folders within it are looked into.
        format: what the files are written in, where their names do not tell.
        csv: how CSV is written.
        encoding: of CSV and JSON lines; one of Python's names.
        settle_seconds: how long a file must have been left alone before it is taken.
        batch_rows: records that are published together.
        s3: how the S3 service is reached.
        limits: what a file may not exceed.
    """

    kind: Literal["files"]
    folder: str
    names: str = Field("*", min_length=1, pattern=r"^[^/]+$")
    recursive: bool = False
    format: Format | None = None
    csv: Csv = Csv()
    encoding: str = "utf-8"
    settle_seconds: float = Field(1.0, ge=0)
    batch_rows: int = Field(5_000, ge=1, le=100_000)
    s3: Access = Access()
    limits: Limits = Limits()
    every_seconds: float = Field(10.0, gt=0)

    own_topic: ClassVar[str] = "events.files"

    @field_validator("folder")
    @classmethod
    def _whole(cls, folder: str) -> str:
        if folder.startswith(S3):
            if not folder.removeprefix(S3).strip("/"):
                raise ValueError(f"received {folder!r}, valid: s3://bucket or s3://bucket/prefix")
        elif not PurePosixPath(folder).is_absolute() or ".." in PurePosixPath(folder).parts:
            raise ValueError(f"received {folder!r}, valid: an absolute path without .., or s3://bucket/prefix")
        return folder

    @field_validator("encoding")
    @classmethod
    def _known(cls, encoding: str) -> str:
        try:
            "".encode(encoding)
        except LookupError as error:
            raise ValueError(f"received {encoding!r}, valid: an encoding that Python knows, such as utf-8") from error
        return encoding

    @property
    def is_s3(self) -> bool:
        """Whether the folder is a prefix of a bucket."""
        return self.folder.startswith(S3)

    @property
    def origin(self) -> tuple[str, str]:
        """The folder."""
        return ("s3" if self.is_s3 else "file"), self.folder

    def format_of(self, name: str) -> Format | None:
        """The format of a file, or None where neither name nor definition tells it.

        >>> FilesSource(name="till", kind="files", folder="/drop").format_of("a.CSV.gz")
        'csv'
        """
        stem = PurePosixPath(name.lower())
        if stem.suffix in (".gz", ".zst"):
            stem = stem.with_suffix("")
        return self.format or FORMATS.get(stem.suffix)
