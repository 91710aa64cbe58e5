"""A Spark of the tests' own: a Thrift server from the PyPI package, a folder that is thrown away, loopback only."""

import importlib.util
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from contextlib import suppress
from pathlib import Path

from pyhive import hive

PATIENCE_SECONDS = 180
# A server that nobody ends stops by itself.
LIFE_SECONDS = 3600


class SparkError(Exception):
    """A server that cannot start; the message gives its own last words."""


class SparkServer:
    """Runs from entering to leaving a `with` block. One folder holds its tables, its catalogue and its log."""

    def __enter__(self) -> "SparkServer":
        self.folder = Path(tempfile.mkdtemp(prefix="keizoku-spark-"))
        self._log = self.folder / "log"
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        home, catalogue = Path(importlib.util.find_spec("pyspark").origin).parent, self.folder / "catalogue"
        settings = {
            "spark.driver.host": "127.0.0.1",
            "spark.driver.bindAddress": "127.0.0.1",
            "spark.ui.enabled": "false",
            "spark.sql.warehouse.dir": self.folder / "warehouse",
            "spark.sql.session.timeZone": "UTC",
            "spark.sql.parquet.inferTimestampNTZ.enabled": "false",
            # Small tables: planning costs more than the rows.
            "spark.sql.shuffle.partitions": 1,
            "spark.sql.adaptive.enabled": "false",
            "spark.hadoop.javax.jdo.option.ConnectionURL": f"jdbc:derby:;databaseName={catalogue};create=true",
            "spark.driver.extraJavaOptions": f"-Duser.timezone=UTC -Dderby.system.home={self.folder}",
        }
        command = [
            *("timeout", str(LIFE_SECONDS), home / "bin" / "spark-submit", "--master", "local[2]"),
            *("--driver-memory", "3g", "--class", "org.apache.spark.sql.hive.thriftserver.HiveThriftServer2"),
            *(part for name, value in settings.items() for part in ("--conf", f"{name}={value}")),
            *("spark-internal", "--hiveconf", f"hive.server2.thrift.port={self.port}"),
            *("--hiveconf", "hive.server2.thrift.bind.host=127.0.0.1"),
        ]
        with self._log.open("w") as log:
            self._process = subprocess.Popen(
                command, cwd=self.folder, stdout=log, stderr=log, start_new_session=True,
                env=os.environ | {"SPARK_LOCAL_IP": "127.0.0.1"},
            )  # fmt: skip
        try:
            self._wait()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        with suppress(ProcessLookupError):  # it may have ended before
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)

    def connect(self) -> hive.Connection:
        """Open a connection."""
        return hive.connect("127.0.0.1", self.port)

    @property
    def environment(self) -> dict[str, str]:
        """What dbt's profile reads."""
        return {"KEIZOKU_SPARK_HOST": "127.0.0.1", "KEIZOKU_SPARK_PORT": str(self.port)}

    def _wait(self) -> None:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while True:
            try:
                self.connect().close()
                return
            except Exception as error:  # of the transport, whatever its kind, until the server listens
                if self._process.poll() is not None or time.monotonic() > deadline:
                    last = "\n".join(self._log.read_text().splitlines()[-20:])
                    raise SparkError(f"Spark did not start (it needs Java 17):\n{last}") from error
                time.sleep(1)
