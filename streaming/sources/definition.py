"""What every kind of source is defined by; each kind adds what it reads."""

from __future__ import annotations

import os
from datetime import datetime, timedelta
from pathlib import Path
from typing import ClassVar

from pydantic import Field, SecretStr, model_validator

from rankings.topics import PATTERN
from runtime.errors import Permanent
from streaming.sources.fields import Fields, Part

NAME = r"[a-z][a-z0-9-]{0,39}"


class Secret(Part):
    """A secret that a definition refers to and never holds: the name of an environment variable, or of a file."""

    env: str | None = None
    file: Path | None = None

    @model_validator(mode="after")
    def _one_place(self) -> Secret:
        if (self.env is None) == (self.file is None):
            raise ValueError("valid: exactly one of env and file")
        return self

    def value(self) -> SecretStr:
        """The secret.

        Raises:
            Permanent: the variable is not set, or the file cannot be read.
        """
        if self.env is not None:
            found = os.environ.get(self.env)
            if found is None:
                raise Permanent(f"the environment variable {self.env} is not set", todo="set it, or name a file")
            return SecretStr(found)
        try:
            return SecretStr((self.file or Path()).read_text().strip())
        except OSError as error:
            raise Permanent(f"the secret's file {self.file} cannot be read", received=str(error)) from error


class Source(Part):
    """What every kind of source has.

    Attributes:
        name: the source that its sales name; never changed, as a sale's key holds it.
        description: for people.
        topic: where its records go in the log.
        fields: how its records become sales.
        every_seconds: how long to wait between two readings of it, where it has to be asked.
    """

    name: str = Field(pattern=f"^{NAME}$")
    description: str = ""
    topic: str = Field("", pattern=f"^({PATTERN})?$")
    fields: Fields = Fields()
    every_seconds: float = Field(60.0, gt=0)

    kind: str

    own_topic: ClassVar[str] = ""
    """Where its kind's records go unless the definition says otherwise."""

    reader: ClassVar[str] = "python"
    """What reads it, as lineage names it."""

    steady: ClassVar[bool] = True
    """Whether the same record stands at the same place each time that it is read."""

    @property
    def has_runner(self) -> bool:
        """Whether a process of its own reads it."""
        return True

    def next_reading(self, ended: datetime) -> datetime:
        """When it is read again, if a reading ended at that time (aware)."""
        return ended + timedelta(seconds=self.every_seconds)

    @property
    def into(self) -> str:
        """The topic that its records are written into."""
        return self.topic or self.own_topic

    @property
    def origin(self) -> tuple[str, str]:
        """What it reads, as lineage names it: the platform, and the dataset's name there."""
        return "file", self.name
