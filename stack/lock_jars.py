"""Rewrites `jars.lock` from its `roots`: resolves closures with Maven, and takes sizes and SHA-256 sums.

For maintainers, on a machine with `mvn`: change a version in `roots`, then run `python -m stack.lock_jars`.
"""

from __future__ import annotations

import hashlib
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

from stack.jars import LOCK_FILE, JarSet, LockedJar, coordinates_path, locked_sets

HEADER = (
    "# The jars of the servers that run on one machine. "
    "`roots` and `closure` are written by people; `jars` by `python -m stack.lock_jars`.\n"
)
POM = """<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion>
<groupId>tidelake</groupId><artifactId>lock</artifactId><version>1</version>
<dependencies>{dependencies}</dependencies></project>
"""


def main() -> None:
    """Resolves every set and writes the lock file anew."""
    resolved = [_resolve(each) for each in locked_sets().values()]
    LOCK_FILE.write_text(HEADER + "".join(_as_toml(each) for each in resolved))


def _resolve(wanted: JarSet) -> JarSet:
    """The set with all its jars, downloaded by Maven and summed."""
    with tempfile.TemporaryDirectory() as folder:
        _copy_with_maven(wanted, Path(folder))
        jars = tuple(sorted(_found(Path(folder)), key=lambda jar: jar.coordinates))
    return JarSet(wanted.name, wanted.roots, wanted.closure, jars)


def _copy_with_maven(wanted: JarSet, folder: Path) -> None:
    """Lets Maven copy the set into `folder`, laid out as a repository."""
    pom = folder / "pom.xml"
    pom.write_text(POM.format(dependencies="".join(_dependency(root) for root in wanted.roots)))
    command = ["mvn", "-q", "-B", "-ntp", "-f", str(pom), "dependency:copy-dependencies", "-DincludeScope=runtime"]
    command += [f"-DoutputDirectory={folder}", "-Dmdep.useRepositoryLayout=true"]
    if not wanted.closure:
        command.append("-DexcludeTransitive=true")
    subprocess.run(command, check=True)


def _dependency(coordinates: str) -> str:
    """One `<dependency>` of a POM."""
    plain, _, kind = coordinates.partition("@")
    group, artifact, version, *classifier = plain.split(":")
    extra = f"<classifier>{classifier[0]}</classifier>" if classifier else ""
    return (
        f"<dependency><groupId>{group}</groupId><artifactId>{artifact}</artifactId>"
        f"<version>{version}</version><type>{kind or 'jar'}</type>{extra}</dependency>"
    )


def _found(folder: Path) -> Iterator[LockedJar]:
    """Every archive that Maven left in `folder`."""
    for path in folder.rglob("*"):
        if path.suffix in {".jar", ".gz"}:
            content = path.read_bytes()
            coordinates = _coordinates(path.relative_to(folder))
            yield LockedJar(coordinates, hashlib.sha256(content).hexdigest(), len(content))


def _coordinates(path: Path) -> str:
    """The coordinates of a file by its place in a Maven repository."""
    *group, artifact, version, file = path.parts
    rest = file.removeprefix(f"{artifact}-{version}")
    classifier, kind = (rest[: -len(".tar.gz")], "@tar.gz") if rest.endswith(".tar.gz") else (rest[: -len(".jar")], "")
    found = f"{'.'.join(group)}:{artifact}:{version}{classifier.replace('-', ':', 1)}{kind}"
    assert coordinates_path(found) == path.as_posix(), (found, path)
    return found


def _as_toml(locked: JarSet) -> str:
    """One set as a TOML table."""
    roots = ", ".join(f'"{root}"' for root in locked.roots)
    rows = "".join(
        f'    {{ at = "{jar.coordinates}", sha256 = "{jar.sha256}", bytes = {jar.size} }},\n' for jar in locked.jars
    )
    return f"\n[{locked.name}]\nclosure = {str(locked.closure).lower()}\nroots = [{roots}]\njars = [\n{rows}]\n"


if __name__ == "__main__":
    main()
