"""The Java that runs Kafka, Connect and Flink."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

from runtime.errors import Permanent
from runtime.settings import settings

OLDEST = 17
_TODO = f"install Java {OLDEST} or later (Debian: apt-get install openjdk-17-jre-headless), or set JAVA_HOME to one"
LOG_CONFIG = Path(__file__).with_name("log4j2.properties")


def java() -> str:
    """The `java` program: of JAVA_HOME if set, else the one on PATH.

    Raises:
        Permanent: there is none.
    """
    home = os.environ.get("JAVA_HOME")
    found = Path(home, "bin", "java") if home else shutil.which("java")
    if found is None:
        raise Permanent("no Java was found on PATH", todo=_TODO)
    if not Path(found).exists():
        raise Permanent("JAVA_HOME holds no bin/java", received=home, todo=_TODO)
    return str(found)


def java_version(program: str) -> int:
    """The feature version of a `java` program, such as 17.

    Raises:
        Permanent: the program does not tell its version.
    """
    answer = subprocess.run([program, "-version"], capture_output=True, text=True, check=False)
    return parse_version(answer.stderr + answer.stdout)


def parse_version(text: str) -> int:
    """The feature version in what `java -version` prints.

    >>> parse_version('openjdk version "17.0.15" 2025-04-15')
    17
    >>> parse_version('java version "1.8.0_412"')
    8
    """
    found = re.search(r'version "(?:1\.)?(\d+)', text)
    if not found:
        raise Permanent("`java -version` told no version", received=text[:200], todo=_TODO)
    return int(found.group(1))


def check_java() -> None:
    """Raises Permanent if there is no Java or a too old one."""
    program = java()
    version = java_version(program)
    if version < OLDEST:
        raise Permanent(
            f"{program} is too old", received=f"Java {version}", valid=f"Java {OLDEST} or later", todo=_TODO
        )


def java_command(main_class: str, *arguments: str, heap: str, options: tuple[str, ...] = ()) -> tuple[str, ...]:
    """The command of a Java server; its class path comes in the environment variable CLASSPATH.

    Args:
        main_class: the class to run.
        arguments: of the class.
        heap: most memory of the heap, such as `384m`.
        options: of the virtual machine.
    """
    log = f"-Dlog4j2.configurationFile={LOG_CONFIG}"
    temporary = f"-Djava.io.tmpdir={settings().temporary_dir}"
    return (java(), f"-Xmx{heap}", "-XX:+ExitOnOutOfMemoryError", temporary, *options, log, main_class, *arguments)
