"""Every source that is defined: the files that come with the platform, and the user's own.

A definition is one YAML file. The user's folder is the setting `sources_dir`; a file there wins over one of the
platform's with the same name in it. A file that is not valid harms no source but its own.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
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


@dataclass(frozen=True, slots=True)
class Unusable:
    """A file that defines no source.

    Attributes:
        name: the source that it means, as far as that can be told.
        error: what is wrong with it.
    """

    path: Path
    name: str
    error: Permanent


@dataclass
class Catalogue:
    """The definitions from look to look: the source of a file that is not valid any more stays as it was defined last.

    Attributes:
        wrong: the files that the last look could not use.
        unknown: those of them that were never valid since this process began.
    """

    chosen: Settings
    wrong: list[Unusable] = field(init=False, default_factory=list)
    unknown: list[Unusable] = field(init=False, default_factory=list)
    _last: dict[Path, Source] = field(init=False, default_factory=dict)

    def look(self) -> tuple[Source, ...]:
        """Every source that can be used, ordered by name."""
        read = dict(_read(self.chosen))
        self.wrong = [each for each in read.values() if isinstance(each, Unusable)]
        self.unknown = [each for each in self.wrong if each.path not in self._last]
        good = {path: each for path, each in read.items() if not isinstance(each, Unusable)}
        self._last = {path: good.get(path) or self._last[path] for path in read if path in good or path in self._last}
        found = {each.name: (path, each) for path, each in self._last.items()}
        for each in self.unknown:
            # One of the platform's does not come back because the user's in its place is not valid.
            if each.name in found and found[each.name][0].parent != each.path.parent:
                found.pop(each.name)
        return tuple(found[name][1] for name in sorted(found))


def sources(chosen: Settings) -> tuple[Source, ...]:
    """Every source, ordered by name.

    Raises:
        Permanent: a definition is not valid, or two files of a folder define one name.
    """
    catalogue = Catalogue(chosen)
    found = catalogue.look()
    for each in catalogue.wrong:
        raise each.error
    return found


def source(chosen: Settings, name: str) -> Source:
    """The source of that name.

    Raises:
        Permanent: no definition has it, or the one that has it is not valid.
    """
    catalogue = Catalogue(chosen)
    known = {each.name: each for each in catalogue.look()}
    for each in catalogue.wrong:
        if each.name == name:
            raise each.error
    if name not in known:
        raise Permanent("no source has this name", received=name, valid=", ".join(known))
    return known[name]


def _read(chosen: Settings) -> Iterator[tuple[Path, Source | Unusable]]:
    """Each file with what it defines, the user's after the platform's."""
    for folder in (OWN_FOLDER, chosen.sources_dir):
        names: set[str] = set()
        for path in sorted(folder.glob("*.y*ml")) if folder.is_dir() else ():
            found = _one(path)
            if isinstance(found, Source) and found.name in names:
                wrong = f"two definitions in {folder} have one name"
                found = Unusable(path, found.name, Permanent(wrong, received=found.name, valid="a name each"))
            names.add(found.name)
            yield path, found


def _one(path: Path) -> Source | Unusable:
    try:
        written = path.stat()
        return _known(path, written.st_mtime_ns, written.st_size)
    except OSError as error:
        return Unusable(path, path.stem, Permanent(f"the definition {path} cannot be read", received=str(error)))
    except Permanent as error:
        return Unusable(path, _meant(path), error)


def _meant(path: Path) -> str:
    """The name in a file that is not valid, or the file's own."""
    try:
        told = yaml.safe_load(path.read_text())
    except (OSError, UnicodeDecodeError, yaml.YAMLError):
        told = None
    return str(told.get("name", path.stem)) if isinstance(told, dict) else path.stem


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
