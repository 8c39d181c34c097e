"""The engine: chDB over one folder, and connections to it that cost a tenth of a millisecond each."""

from __future__ import annotations

import os
import uuid
from collections.abc import Generator, Iterable, Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any

from runtime.errors import Permanent, Retryable
from stack.clickhouse.errors import ClickHouseError, from_engine


def quoted(text: str) -> str:
    """Text as a string literal.

    >>> print(quoted("it's"))
    'it\\'s'
    """
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def identifier(name: str) -> str:
    """A name as a quoted identifier."""
    return "`" + name.replace("\\", "\\\\").replace("`", "\\`") + "`"


class Connection:
    """One connection: its database, settings and temporary tables are its own. One thread may use it at a time."""

    def __init__(self, raw: Any) -> None:
        self._raw = raw

    def run(self, sql: str, output_format: str = "TabSeparated") -> Any:
        """Run a statement to its end; chDB's result, whole, in memory.

        Raises:
            ClickHouseError: the engine's error.
        """
        try:
            return self._raw.query(sql, output_format)
        except Exception as error:  # chDB raises RuntimeError, ChdbError and others for the same kinds of failure
            raise from_engine(error) from error

    def stream(self, sql: str, output_format: str) -> Generator[Any, None, None]:
        """Run a SELECT, giving chDB's results block by block; closing the generator cancels the query."""
        try:
            with self._raw.send_query(sql, output_format) as blocks:
                yield from blocks
        except Exception as error:
            raise from_engine(error) from error

    def insert(self, head: str, data_format: str, pieces: Iterable[bytes]) -> Any:
        """Insert rows that come as bytes in a format; chDB's counts of rows and bytes.

        Args:
            head: the INSERT statement up to its FORMAT or VALUES.
            data_format: the format's name.
            pieces: the bytes, cut anywhere.
        """
        try:
            with self._raw.send_insert(head, data_format) as rows:
                for piece in pieces:
                    rows.append(piece)
                return rows.finish()
        except ClickHouseError:
            raise
        except Exception as error:
            raise from_engine(error) from error

    def classify(self, sql: str) -> tuple[str, int]:
        """What statements would do, and how many there are.

        The most that one of them would do counts: READ_ONLY, MUTATING, CONTROL, MUTATING_GLOBAL; UNKNOWN if they have
        no valid syntax.
        """
        found = self._raw._conn.classify_query(sql)
        return str(found["query_class"].name), int(found["statement_count"])

    def set(self, settings: Mapping[str, str]) -> None:
        """Set settings (and `param_NAME` parameters) for all that follows on this connection."""
        if settings:
            self.run("SET " + ", ".join(f"{name} = {quoted(value)}" for name, value in settings.items()))

    def use(self, database: str) -> None:
        """Look up unqualified names in this database from here on."""
        self.run(f"USE {identifier(database)}")

    def close(self) -> None:
        """End the connection, and what still runs on it."""
        self._raw.close()


class Engine:
    """The one engine of this process.

    Args:
        folder: where its data lies; made if it is not there.
        memory_bytes: the most memory that all queries together may take.
    """

    def __init__(self, folder: Path, memory_bytes: int) -> None:
        self.folder = folder
        self._address = f"{folder}?config-file={self._prepare(memory_bytes)}"
        # The engine takes its time zone from here when it starts; every process of the platform keeps UTC.
        os.environ["TZ"] = "UTC"
        # The engine lives as long as a connection does: this one keeps it.
        self._anchor = self.connect()
        self.version = self._anchor.run("SELECT version()").bytes().decode().strip()

    def connect(self) -> Connection:
        """A new connection.

        Raises:
            Retryable: another process has the folder open.
        """
        from chdb.state.sqlitelike import Connection as Raw

        try:
            return Connection(Raw(self._address))
        except RuntimeError as error:
            raise Retryable(
                "the ClickHouse engine did not open its folder",
                received=f"{self.folder}: {error}",
                valid="a folder that no other process has open",
                todo="stop the gateway that runs over this folder, or choose another TIDELAKE_HOME",
            ) from error

    def create_database(self, name: str) -> None:
        """Make a database unless it is there."""
        self._anchor.run(f"CREATE DATABASE IF NOT EXISTS {identifier(name)}")

    def kill(self, query_id: str) -> None:
        """Stop a running query; its caller sees error 394."""
        connection = self.connect()
        try:
            connection.run(f"KILL QUERY WHERE Settings['log_comment'] = {quoted(query_id)} ASYNC")
        finally:
            connection.close()

    def close(self) -> None:
        """Write out what is in memory and release the folder."""
        self._anchor.close()

    def _prepare(self, memory_bytes: int) -> Path:
        """Make the folder and write its configuration; the path of the configuration."""
        if any(letter in str(self.folder) for letter in "?&%#"):
            raise Permanent(
                "the engine cannot use a folder with this name", received=str(self.folder), valid="no ?, &, % or #"
            )
        config = self.folder / "gateway"
        config.mkdir(parents=True, exist_ok=True, mode=0o700)
        _write(config / "users.xml", _template("users.xml"))
        text = _template("config.xml").format(users=config / "users.xml", memory_bytes=memory_bytes)
        self._default_database()
        return _write(config / "config.xml", text)

    def _default_database(self) -> None:
        """Declare the ordinary database `default`, where every connection starts, as the engine would store it."""
        metadata = self.folder / "metadata"
        metadata.mkdir(exist_ok=True)
        if not (metadata / "default.sql").exists():
            _write(metadata / "default.sql", f"ATTACH DATABASE _ UUID '{uuid.uuid4()}'\nENGINE = Atomic\n")


def _template(name: str) -> str:
    return files("stack.clickhouse").joinpath("config", name).read_text(encoding="utf-8")


def _write(path: Path, text: str) -> Path:
    """Write a file whole or not at all."""
    part = path.with_suffix(".part")
    part.write_text(text, encoding="utf-8")
    return part.replace(path)
