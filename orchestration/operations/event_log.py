"""Where Dagster keeps what happened in a run: its own SQLite files, each through one connection.

Named in dagster.yaml, so `make run`, the daemon and the UI all have it.
"""

import os
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from typing import Any, Self

import sqlalchemy

# The place that Dagster's documentation names for dagster.yaml.
from dagster._core.storage.event_log import SqliteEventLogStorage

MOST_OPEN = 8


class EventLog(SqliteEventLogStorage):
    """Dagster's event log, which otherwise opens a file anew for each of a thousand events a refresh.

    It does not wait for the disk either: a power cut may cost the last events. What is published does not depend on
    them.
    """

    def __init__(self, base_dir: str, inst_data: Any = None) -> None:
        """Open nothing yet but what Dagster opens itself."""
        self._engines: OrderedDict[str, sqlalchemy.Engine] = OrderedDict()
        self._one_at_a_time = threading.Lock()
        super().__init__(base_dir, inst_data)

    @classmethod
    def config_type(cls) -> dict[str, Any]:
        """The folder of Dagster's record, which is in DAGSTER_HOME."""
        folder: Any = SqliteEventLogStorage.config_type()
        return {"home": folder["base_dir"]}

    @classmethod
    def from_config_value(cls, inst_data: Any, config_value: Mapping[str, Any]) -> Self:
        """Use the files that Dagster would use there by itself."""
        return cls(os.path.join(config_value["home"], "history", "runs"), inst_data)  # noqa: PTH118  as Dagster does

    def run_connection(self, run_id: str | None = None) -> Any:
        """Connect to the events of a run."""
        return self._held(run_id or "index", super().run_connection)

    def index_connection(self) -> AbstractContextManager[sqlalchemy.Connection]:
        """Connect to the events of all assets."""
        return self._held("index", lambda _: super(EventLog, self).index_connection())

    @contextmanager
    def _held(
        self, shard: str, connect: Callable[[str], AbstractContextManager[Any]]
    ) -> Iterator[sqlalchemy.Connection]:
        with self._one_at_a_time:
            if shard not in self._engines:
                with connect(shard):  # makes the file when there is none
                    pass
                while len(self._engines) >= MOST_OPEN:
                    self._engines.popitem(last=False)[1].dispose()
                self._engines[shard] = self._open(shard)
            self._engines.move_to_end(shard)
            with self._engines[shard].begin() as connection:
                yield connection

    def _open(self, shard: str) -> sqlalchemy.Engine:
        engine = sqlalchemy.create_engine(
            self.conn_string_for_shard(shard),
            poolclass=sqlalchemy.StaticPool,
            connect_args={"timeout": 60, "check_same_thread": False},
        )

        @sqlalchemy.event.listens_for(engine, "connect")
        def do_not_wait_for_the_disk(connection: Any, _: object) -> None:
            connection.execute("pragma synchronous = normal")

        return engine

    def _close(self) -> None:
        with self._one_at_a_time:
            while self._engines:
                self._engines.popitem()[1].dispose()

    def wipe(self) -> None:
        """Remove every event."""
        self._close()
        super().wipe()

    def dispose(self) -> None:
        """Close every file."""
        self._close()
        super().dispose()
