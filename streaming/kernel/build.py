"""Compiles the kernel, with the contract's rules inside, into a jar that is kept by the hash of its sources."""

from __future__ import annotations

import hashlib
import json
import subprocess
import tempfile
import zipfile
from collections.abc import Iterator
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
    jar = folder / f"tidelake-kernel-{_hash(contract)}.jar"
    if not jar.exists():
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder, prefix=".compiling-") as work:
            _compile(java, compiler, class_path, Path(work))
            (Path(work) / "contract.json").write_text(contract)
            _pack(Path(work), jar)
    return jar


def _sources() -> list[Path]:
    return sorted(SOURCES.rglob("*.java"))


def _hash(contract: str) -> str:
    digest = hashlib.sha256(contract.encode())
    for source in _sources():
        digest.update(source.read_bytes())
    return digest.hexdigest()[:16]


def _compile(java: str, compiler: Path, class_path: str, into: Path) -> None:
    # Flink takes the names of arguments and state from the class files: hence -parameters.
    command = [java, "-jar", str(compiler), f"-{RELEASE}", "-parameters", "-g", "-proc:none", "-nowarn"]
    command += ["-d", str(into), "-cp", class_path, *map(str, _sources())]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise Permanent("the kernel does not compile", received=done.stderr[-2000:], todo="mend streaming/kernel/java")


def _pack(classes: Path, jar: Path) -> None:
    """Written beside and renamed, so that a jar of that name is always whole."""
    whole = classes / "kernel.jar"
    with zipfile.ZipFile(whole, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in _files(classes):
            archive.write(file, file.relative_to(classes))
    whole.rename(jar)


def _files(classes: Path) -> Iterator[Path]:
    return (file for file in sorted(classes.rglob("*")) if file.suffix in (".class", ".json"))
