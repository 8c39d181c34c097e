"""Compiles the kernel, with the contract's rules inside, into a jar that is kept by the hash of its sources."""

from __future__ import annotations

import hashlib
import json
import subprocess
import tempfile
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from rankings.contract import as_data
from runtime.errors import Permanent

SOURCES = Path(__file__).with_name("java")
RELEASE = "17"


def kernel_jar(java: str, compiler: Path, class_path: str, folder: Path) -> Path:
    """The kernel's jar, compiled unless `folder` holds it already.

    Args:
        java: the `java` program.
        compiler: the Eclipse batch compiler's jar.
        class_path: Flink's own jars.
        folder: where compiled kernels are kept.

    Raises:
        Permanent: it does not compile.
    """
    contract = json.dumps(as_data(), ensure_ascii=True, sort_keys=True)
    sources = Sources("tidelake-kernel", SOURCES, {"contract.json": contract})
    return compiled(java, compiler, class_path, folder, sources)


@dataclass(frozen=True, slots=True)
class Sources:
    """What a jar of the project's own Java is made of.

    Attributes:
        name: the jar's name, which a hash of the rest follows.
        folder: where the `.java` files lie.
        beside: texts that go into the jar, by file name.
    """

    name: str
    folder: Path
    beside: Mapping[str, str] = field(default_factory=dict)


def compiled(java: str, compiler: Path, class_path: str, folder: Path, sources: Sources) -> Path:
    """A jar of the project's own Java, compiled unless `folder` holds it already.

    Args:
        java: the `java` program.
        compiler: the Eclipse batch compiler's jar.
        class_path: the jars that it builds on.
        folder: where compiled jars are kept.
        sources: what it is made of.

    Raises:
        Permanent: it does not compile.
    """
    files = sorted(sources.folder.rglob("*.java"))
    jar = folder / f"{sources.name}-{_hash(files, sources.beside)}.jar"
    if not jar.exists():
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder, prefix=".compiling-") as work:
            _compile(java, compiler, class_path, files, Path(work))
            for file, text in sources.beside.items():
                (Path(work) / file).write_text(text)
            _pack(Path(work), jar)
    return jar


def _hash(sources: Sequence[Path], beside: Mapping[str, str]) -> str:
    digest = hashlib.sha256("".join(beside.values()).encode())
    for source in sources:
        digest.update(source.read_bytes())
    return digest.hexdigest()[:16]


def _compile(java: str, compiler: Path, class_path: str, sources: Sequence[Path], into: Path) -> None:
    # Flink takes the names of arguments and state from the class files: hence -parameters.
    command = [java, "-jar", str(compiler), f"-{RELEASE}", "-parameters", "-g", "-proc:none", "-nowarn"]
    command += ["-d", str(into), "-cp", class_path, *map(str, sources)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise Permanent(
            "the project's Java does not compile", received=done.stderr[-2000:], todo=f"mend {sources[0].parent}"
        )


def _pack(classes: Path, jar: Path) -> None:
    """Written beside and renamed, so that a jar of that name is always whole."""
    whole = classes / "kernel.jar"
    with zipfile.ZipFile(whole, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in _files(classes):
            archive.write(file, file.relative_to(classes))
    whole.rename(jar)


def _files(classes: Path) -> Iterator[Path]:
    return (file for file in sorted(classes.rglob("*")) if file.suffix in (".class", ".json"))
