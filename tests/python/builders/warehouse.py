"""The compiled project: its models in dependency order, and a template of everything that they read."""

import csv
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Collection, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

import duckdb

from builders.world import World
from orchestration import recompute
from orchestration.closing import store as state
from orchestration.landing import land, load_contract

PROJECT = Path(__file__).resolve().parents[3]
SEEDS = PROJECT / "seeds"

Rows = Mapping[str, list[dict]]


@dataclass(frozen=True)
class Settings:
    """What a world is seen through: the settings of a run, and policies that differ from the seed."""

    as_of_date: date
    time_zone: str = "Asia/Tokyo"
    currency: str = "JPY"
    policy: Mapping[str, object] = field(default_factory=dict)
    build_id: str = "test"
    accept_rejects: bool = False
    is_simulation: bool = False
    started_at: datetime = datetime(2026, 1, 1)
    home: Path | None = None  # whose closed months are read
    delivered_at: datetime | None = None  # when the files of every table were last written (UTC)


@dataclass(frozen=True)
class Judged:
    """A company as raw files, and the second opinion on it as parquet files by table."""

    raw_folder: Path
    settings: Settings
    recomputed: Mapping[str, Path]


class Warehouse:
    """Builds builders. The project is compiled once; every world is a database of its own."""

    def __init__(self, folder: Path) -> None:
        """Compile the project into a folder and keep a template database there."""
        self._folder = folder
        manifest = compiled(folder / "target")
        nodes = manifest["nodes"]
        self.models = [node for node in nodes.values() if node["resource_type"] == "model"]
        self.tests = [node for node in nodes.values() if node["resource_type"] == "test"]
        self.data_tests = {
            node["name"]: node["compiled_code"] for node in self.tests if node["config"]["severity"].lower() == "error"
        }
        self.analyses = {
            node["name"]: node["compiled_code"] for node in nodes.values() if node["resource_type"] == "analysis"
        }
        self.sources = list(manifest["sources"].values())
        self.exposures = list(manifest["exposures"].values())
        self._nodes = {key: node for key, node in nodes.items() if node["resource_type"] in ("model", "seed")}
        self._template = folder / "template.duckdb"
        self._make_template()

    def sql(self, model: str) -> str:
        """Give the compiled SQL of a model."""
        (node,) = (node for node in self.models if node["name"] == model)
        return node["compiled_code"]

    def build(
        self,
        rows: Rows,
        settings: Settings,
        only: Collection[str] = (),
        replace: Mapping[str, str] | None = None,
        recomputed: Mapping[str, Path] | None = None,
    ) -> World:
        """Build models over raw rows: all of them, or `only` those named and what they read.

        `replace` gives other SQL for a model. `recomputed` gives the second opinion's parquet files by table.
        """
        return self._build(
            lambda connection: _insert(connection, rows, settings.time_zone), settings, only, replace, recomputed
        )

    def build_folder(
        self,
        raw_folder: Path,
        settings: Settings,
        only: Collection[str] = (),
        replace: Mapping[str, str] | None = None,
        recomputed: Mapping[str, Path] | None = None,
    ) -> World:
        """Build models over a folder of raw files, landed as a refresh lands them."""
        landed = self._folder / f"landed-{os.getpid()}.duckdb"  # a worker of the mutants has its own
        land(raw_folder, landed, settings)
        return self._build(lambda connection: _copy(connection, landed), settings, only, replace, recomputed)

    def judge(self, rows: Rows, settings: Settings, folder: Path) -> Judged:
        """Write raw rows to an empty folder and ask for the second opinion on them."""
        raw_folder, recomputed = write_raw(folder / "raw", rows), folder / "recomputed"
        seeds = SEEDS if not settings.policy else seeds_with(settings.policy, folder / "seeds")
        recompute.write_all(recompute.World(raw_folder, settings, seeds), recomputed)
        return Judged(raw_folder, settings, {file.stem: file for file in recomputed.iterdir()})

    def build_judged(
        self, judged: Judged, only: Collection[str] = (), replace: Mapping[str, str] | None = None
    ) -> World:
        """Build models over a company with the second opinion beside it."""
        return self.build_folder(judged.raw_folder, judged.settings, only, replace, judged.recomputed)

    def _build(
        self,
        fill: Callable[[duckdb.DuckDBPyConnection], None],
        settings: Settings,
        only: Collection[str],
        replace: Mapping[str, str] | None,
        recomputed: Mapping[str, Path] | None,
    ) -> World:
        connection = duckdb.connect(config={"threads": 1})
        connection.execute(f"attach '{self._template}' as template (read_only); attach ':memory:' as keizoku")
        connection.execute("copy from database template to keizoku; use keizoku; detach template; set TimeZone = 'UTC'")
        connection.execute(
            "insert into state.run_settings values ($1, $2, $3, $4, $5, $6, $7)",
            [
                *(settings.as_of_date, settings.time_zone, settings.currency, settings.build_id),
                *(settings.accept_rejects, settings.started_at, settings.is_simulation),
            ],
        )
        if settings.delivered_at is not None:
            rows = [(table, settings.delivered_at) for table in load_contract()]
            connection.executemany("insert into state.deliveries values ($1, $2)", rows)
        state.land_state(connection, settings.home, settings.as_of_date)
        for name, value in settings.policy.items():
            connection.execute("update seeds.policy set value = $1 where setting = $2", [str(value), name])
        fill(connection)
        for table, file in (recomputed or {}).items():
            connection.execute(f"insert into recomputed.{table} select * from read_parquet('{file}')")
        connection.execute("begin")
        for node in self.in_order(only):
            if node["resource_type"] == "model":
                kind = "view" if node["config"]["materialized"] == "view" else "table"
                sql = (replace or {}).get(node["name"], node["compiled_code"])
                connection.execute(f"create {kind} {node['relation_name']} as {sql}")
        connection.execute("commit")
        return World(connection)

    def in_order(self, only: Collection[str]) -> list[dict]:
        """Give the nodes named and everything that they read, what is read first."""
        order: dict[str, dict] = {}

        def visit(key: str) -> None:
            if key in self._nodes and key not in order:
                for parent in self._nodes[key]["depends_on"].get("nodes", []):
                    visit(parent)
                order[key] = self._nodes[key]

        unknown = set(only) - {node["name"] for node in self._nodes.values()}
        if unknown:
            raise KeyError(f"no such model: {', '.join(sorted(unknown))}")
        for key, node in self._nodes.items():
            if not only or node["name"] in only:
                visit(key)
        return list(order.values())

    def _make_template(self) -> None:
        """Land a folder without rows, so that every raw table is of the types that landing gives it, and add seeds."""
        blank = self._folder / "blank"
        blank.mkdir()
        for table in load_contract().values():
            write_csv(blank / f"{table.name}.csv", [column.name for column in table.columns], [])
        land(blank, self._template, Settings(date(2000, 1, 1)))
        with closing(duckdb.connect(self._template)) as connection:
            connection.execute("delete from state.run_settings; delete from state.deliveries")
            for schema in sorted({node["schema"] for node in self._nodes.values()} | {"recomputed"}):
                connection.execute(f"create schema {schema}")
            for source in self.sources:
                if source["schema"] == "recomputed":
                    types = (f'"{name}" {column["data_type"]}' for name, column in source["columns"].items())
                    connection.execute(f"create table recomputed.{source['name']} ({', '.join(types)})")
            for node in self._nodes.values():
                if node["resource_type"] == "seed":
                    types = node["config"]["column_types"]
                    columns = ", ".join(
                        f"cast({column} as {data_type}) as {column}" for column, data_type in types.items()
                    )
                    file = f"'{PROJECT / node['original_file_path']}', all_varchar = true, header = true, delim = ','"
                    connection.execute(
                        f"create table {node['schema']}.{node['name']} as select {columns} from read_csv({file})"
                    )


def write_csv(file: Path, columns: Collection[str], rows: list[dict]) -> None:
    """Write rows as people write CSV: empty for null, true and false in lower case."""
    with file.open("w", encoding="utf-8", newline="") as lines:
        writer = csv.DictWriter(lines, columns)
        writer.writeheader()
        for row in rows:
            writer.writerow({name: _written(value) for name, value in row.items()})


def _written(value: object) -> object:
    if isinstance(value, Decimal):
        return format(value, "f")
    return str(value).lower() if isinstance(value, bool) else value


def write_raw(folder: Path, rows: Rows) -> Path:
    """Write raw rows as a folder of CSV files; an optional table without rows is left out."""
    folder.mkdir(parents=True, exist_ok=True)
    for table in load_contract().values():
        if table.required or rows.get(table.name):
            columns = [column.name for column in table.columns]
            write_csv(folder / f"{table.name}.csv", columns, rows.get(table.name, []))
    return folder


def seeds_with(policy: Mapping[str, object], folder: Path) -> Path:
    """Write the seeds to a folder, with other policies."""
    shutil.copytree(SEEDS, folder)
    with (SEEDS / "policy.csv").open(encoding="utf-8", newline="") as file:
        policies = list(csv.DictReader(file))
    for row in policies:
        row["value"] = policy.get(row["setting"], row["value"])
    write_csv(folder / "policy.csv", policies[0].keys(), policies)
    return folder


def compiled(target: Path, project: Path = PROJECT) -> dict:
    """Compile the project, or a copy of it, and give the manifest."""
    command = [Path(sys.executable).with_name("dbt"), "--quiet", "compile", "--target-path", target]
    environment = {
        "PATH": os.environ["PATH"],
        "DBT_PROFILES_DIR": str(project / "profiles"),
        "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
        "KEIZOKU_BUILD": ":memory:",
    }
    result = subprocess.run(
        [*command, "--log-path", target / "logs"],
        cwd=project,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    if result.returncode:
        raise RuntimeError(f"dbt compile failed:\n{result.stdout}{result.stderr}")
    return json.loads((target / "manifest.json").read_text(encoding="utf-8"))


def _insert(connection: duckdb.DuckDBPyConnection, rows: Rows, time_zone: str) -> None:
    """Insert rows as landing would: a date in a column of instants is a day without a clock."""
    zone = ZoneInfo(time_zone)
    for table, entries in rows.items():
        known = {column.name: column.data_type for column in load_contract()[table].columns}
        for row in entries:
            if unknown := row.keys() - known.keys():
                raise KeyError(f"{table} has no column {', '.join(sorted(unknown))}")
            plain = [name for name in known if known[name] == "timestamp" and type(row.get(name)) is date]
            landed = row | {name: _start_of(row[name], zone) for name in plain}
            landed |= {"_plain_days": " ".join(plain) or None, "_row": json.dumps(row, default=str, sort_keys=True)}
            marks = ", ".join(f"${position + 1}" for position in range(len(landed)))
            connection.execute(f"insert into raw.{table} ({', '.join(landed)}) values ({marks})", list(landed.values()))


def _start_of(day: date, zone: ZoneInfo) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=zone).astimezone(UTC).replace(tzinfo=None)


def _copy(connection: duckdb.DuckDBPyConnection, landed: Path) -> None:
    connection.execute(f"attach '{landed}' as landed (read_only)")
    for table in load_contract():
        connection.execute(f"insert into raw.{table} by name select * from landed.raw.{table}")
    for table in ("unknown_columns", "folded_words"):
        connection.execute(f"insert into state.{table} by name select * from landed.state.{table}")
    connection.execute("detach landed")
