"""What a file's name says: whether it is looked at, how it is packed, and what format it has."""

from __future__ import annotations

from fnmatch import fnmatchcase

from streaming.sources.files.definition import FilesSource, Format

PACKED = {"gz": "gzip", "gzip": "gzip", "zst": "zstd", "zstd": "zstd"}

FORMATS: dict[str, Format] = {
    **{"csv": "csv", "tsv": "csv", "txt": "csv"},
    **{"jsonl": "jsonl", "ndjson": "jsonl", "json": "jsonl"},
    **{"parquet": "parquet", "pq": "parquet"},
}


def is_ignored(source: FilesSource, name: str) -> bool:
    """Whether a file or folder of that path within the source's folder is never looked at; case does not matter."""
    parts = name.lower().split("/")
    return any(fnmatchcase(part, pattern.lower()) for part in parts for pattern in source.ignore)


def is_wanted(source: FilesSource, name: str) -> bool:
    """Whether a file of that path is one of the source's."""
    *folders, last = name.split("/")
    is_within = source.recursive or not folders
    return is_within and fnmatchcase(last, source.names) and not is_ignored(source, name)


def compression(source: FilesSource, name: str) -> str:
    """`gzip`, `zstd` or `none`."""
    return source.compression or PACKED.get(_ending(name), "none")


def format_of(source: FilesSource, name: str) -> Format | None:
    """The format, or None where the name does not say."""
    return source.format or FORMATS.get(inner_ending(name))


def inner_ending(name: str) -> str:
    """The ending before that of the packing.

    >>> inner_ending("2026/sales.TSV.gz"), inner_ending("sales.csv"), inner_ending("sales")
    ('tsv', 'csv', '')
    """
    bare = name[: -len(_ending(name)) - 1] if _ending(name) in PACKED else name
    return _ending(bare)


def shown(name: str) -> str:
    """A name as text: bytes that are no UTF-8, and control characters, are written out.

    >>> shown("a\\udcff\\n.csv")
    'a\\\\udcff\\\\n.csv'
    """
    printable = (char if char.isprintable() else char.encode("unicode_escape").decode() for char in name)
    return "".join(printable)


def _ending(name: str) -> str:
    last = name.rpartition("/")[2]
    return last.rpartition(".")[2].lower() if "." in last else ""
