"""Every source that is defined: the files that come with the platform, and the user's own.

A definition is one YAML file. The user's folder is the setting `sources_dir`; a file there wins over one of the
platform's with the same name in it.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Annotated

import yaml
from pydantic import Field, TypeAdapter, ValidationError

from runtime.errors import Permanent
from runtime.settings import Settings
from streaming.sources.definition import Source
from streaming.sources.files.definition import FilesSource
from streaming.sources.postgres.definition import PostgresSource
from streaming.sources.rest.definition import RestSource
from streaming.sources.soap.definition import SoapSource

AnySource = Annotated[FilesSource | RestSource | SoapSource | PostgresSource, Field(discriminator="kind")]

DEFINITION: TypeAdapter[FilesSource | RestSource | SoapSource | PostgresSource] = TypeAdapter(AnySource)

OWN_FOLDER = Path(__file__).parent / "definitions"


def sources(chosen: Settings) -> tuple[Source, ...]:
    """Every source, ordered by name.

    Raises:
        Permanent: a definition is not valid, or two files of a folder define one name.
    """
    found: dict[str, Source] = {}
    for folder in (OWN_FOLDER, chosen.sources_dir):
        found |= _of_folder(folder)
    return tuple(found[name] for name in sorted(found))


def source(chosen: Settings, name: str) -> Source:
    """The source of that name.

    Raises:
        Permanent: no definition has it.
    """
    known = {each.name: each for each in sources(chosen)}
    if name not in known:
        raise Permanent("no source has this name", received=name, valid=", ".join(known))
    return known[name]


def _of_folder(folder: Path) -> dict[str, Source]:
    files = sorted(path for path in folder.glob("*.y*ml") if path.is_file()) if folder.is_dir() else []
    found: dict[str, Source] = {}
    for path in files:
        written = path.stat()
        read = _known(path, written.st_mtime_ns, written.st_size)
        if read.name in found:
            raise Permanent(f"two definitions in {folder} have one name", received=read.name, valid="a name each")
        found[read.name] = read
    return found


@lru_cache(maxsize=4096)
def _known(path: Path, _written: int, _size: int) -> Source:
    """The definition in a file as it was written then: the keeper looks every few seconds."""
    return definition(path)


def definition(path: Path) -> Source:
    """The definition in a file.

    Raises:
        Permanent: it cannot be read or is not valid; the message names the file, the field and what is valid.
    """
    try:
        return DEFINITION.validate_python(yaml.safe_load(path.read_text()))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise Permanent(f"the definition {path} cannot be read", received=str(error)) from error
    except ValidationError as error:
        raise Permanent(f"the definition {path} is not valid", received="; ".join(_told(error))) from error


def _told(error: ValidationError) -> Iterator[str]:
    for each in error.errors(include_url=False):
        place = ".".join(str(part) for part in each["loc"][1:]) or "the definition"
        yield f"{place}: {each['msg']}"
