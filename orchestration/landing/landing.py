"""Raw files into the build database: schema `raw` in the contract's columns and types, schema `state` for the run.

Parquet is read in place through a view, CSV once into a table, and a missing optional table is empty.
Beside the contract's columns every table has `_unparsed`, the first column whose value is not of its type,
`_plain_days`, the columns of instants that came as days without a clock, and `_row`, the row as it came, as JSON.
"""

import logging
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import duckdb

from orchestration.landing.contract import Table, load_contract
from orchestration.landing.conversion import NESTED, Conversion, absent, convert
from orchestration.landing.files import (
    Fingerprint,
    LandingError,
    csv_batches,
    csv_fault,
    csv_header,
    delivered,
    find_source,
    fingerprints,
)
from orchestration.settings import COMPANY_FILE
from orchestration.warehouse.database import NAME, attach, in_memory, literal

logger = logging.getLogger("keizoku")


@dataclass(frozen=True)
class LandedTable:
    """What became of one table of the contract. `kind` is parquet, csv or missing."""

    name: str
    kind: str
    files: tuple[str, ...]
    rows: int
    missing_columns: tuple[str, ...]
    extra_columns: tuple[str, ...]
    rounded_decimals: dict[str, int]


@dataclass(frozen=True)
class LandedReport:
    """What landing found and did, and what the files looked like before it read them."""

    raw_folder: Path
    tables: tuple[LandedTable, ...]
    unknown_files: tuple[str, ...]
    fingerprints: tuple[Fingerprint, ...]

    @property
    def missing_tables(self) -> tuple[str, ...]:
        """Optional tables that nobody brought."""
        return tuple(table.name for table in self.tables if table.kind == "missing")

    @property
    def extra_columns(self) -> dict[str, tuple[str, ...]]:
        """Columns that the contract does not know, by table: ignored."""
        return {table.name: table.extra_columns for table in self.tables if table.extra_columns}

    @property
    def rounded_decimals(self) -> dict[str, int]:
        """How many values had digits beyond their column's scale, by table.column."""
        return {
            f"{table.name}.{column}": count for table in self.tables for column, count in table.rounded_decimals.items()
        }


@dataclass(frozen=True)
class _Part:
    """Files of one table that share their columns, and how each column of the contract is read from them.

    `present` gives the columns that the files have the names under which conversions know them.
    """

    files: tuple[Path, ...]
    present: dict[str, str]
    conversions: dict[str, Conversion]


@dataclass(frozen=True)
class _Plan:
    table: Table
    kind: str
    parts: tuple[_Part, ...]
    missing_columns: tuple[str, ...]
    extra_columns: tuple[str, ...]


def land(raw_folder: Path, build_file: Path, settings) -> LandedReport:
    """Create the build database anew with the raw tables of a folder and the settings of the run.

    `settings` has as_of_date, time_zone, currency, build_id, accept_rejects, started_at and is_simulation.
    Everything that is wrong with the files is raised as one LandingError, and no build database is left then.
    """
    raw_folder, build_file = raw_folder.resolve(), build_file.resolve()
    contract = load_contract()
    if not raw_folder.is_dir():
        raise LandingError(f"The raw folder {raw_folder} does not exist. Point KEIZOKU_RAW at the folder of raw files.")
    # Taken before anything is read, so that a file that changes meanwhile is noticed too.
    seen = fingerprints(raw_folder, contract)
    _remove(build_file)
    build_file.parent.mkdir(parents=True, exist_ok=True)
    try:
        with in_memory() as connection:
            # dbt attaches the file under the same name, which the text of a view repeats.
            attach(connection, build_file, NAME, read_only=False)
            plans = _planned_all(connection, raw_folder, contract, settings.time_zone)
            connection.execute("begin")
            connection.execute("create schema keizoku.raw")
            connection.execute("create schema keizoku.state")
            tables = tuple(_landed(connection, raw_folder, plan) for plan in plans)
            _write_settings(connection, settings)
            _write_deliveries(connection, seen)
            connection.execute("commit")
    except BaseException as error:
        _remove(build_file)
        if isinstance(error, LandingError):
            raise LandingError(f"The raw files in {raw_folder} cannot be used:\n{error}") from None
        raise
    report = LandedReport(raw_folder, tables, _unknown_files(raw_folder), seen)
    _log(report)
    return report


def changed_files(report: LandedReport) -> list[str]:
    """Return what happened to the raw files since they were landed, a few words a file."""
    before = {file.path: file for file in report.fingerprints}
    after = {file.path: file for file in fingerprints(report.raw_folder, load_contract())}
    changed = []
    for path in sorted(before | after):
        if path not in after:
            changed.append(f"{path} vanished")
        elif path not in before:
            changed.append(f"{path} appeared")
        elif before[path] != after[path]:
            changed.append(f"{path} changed")
    return changed


def _planned_all(
    connection: duckdb.DuckDBPyConnection, raw_folder: Path, contract: dict[str, Table], time_zone: str
) -> list[_Plan]:
    """Plan every table; what is missing or wrong in any header is raised at once, not one fault a run."""
    plans, faults = [], []
    for table in contract.values():
        try:
            plans.append(_planned(connection, raw_folder, table, time_zone))
        except LandingError as error:
            faults.extend(str(error).splitlines())
    if faults:
        if unknown := _unknown_files(raw_folder):
            faults.append(f"(not read, since no table has such a name: {_listed(unknown)})")
        raise LandingError("\n".join(faults))
    return plans


def _planned(connection: duckdb.DuckDBPyConnection, raw_folder: Path, table: Table, time_zone: str) -> _Plan:
    """Read the headers of a table's files and decide how each column is read."""
    source = find_source(raw_folder, table)
    if source is None:
        return _Plan(table, "missing", (), (), ())
    headers = {}
    faults = []
    for file in source.files:
        path = file.relative_to(raw_folder).as_posix()
        try:
            headers[file] = _csv_columns(file) if source.kind == "csv" else _parquet_columns(connection, file, path)
            _check_header(table, path, headers[file])
        except LandingError as error:
            faults.append(str(error))
        except OSError as error:
            faults.append(f"{path}: {error.strerror}. Make the file readable.")
    if faults:
        raise LandingError("\n".join(faults))

    names = {column.name for column in table.columns}
    found = {name for header in headers.values() for name, _ in header}
    alike: dict[tuple, list[Path]] = {}
    for file, header in headers.items():
        alike.setdefault(tuple(sorted(entry for entry in header if entry[0] in names)), []).append(file)
    return _Plan(
        table=table,
        kind=source.kind,
        parts=tuple(_part(table, dict(types), raw_folder, files, time_zone) for types, files in alike.items()),
        missing_columns=tuple(column.name for column in table.columns if column.name not in found),
        extra_columns=tuple(sorted(found - names)),
    )


def _part(table: Table, types: dict[str, str], raw_folder: Path, files: list[Path], time_zone: str) -> _Part:
    present = {column.name: f"source_{column.name}" for column in table.columns if column.name in types}
    conversions = {}
    for column in table.columns:
        if column.name not in types:
            conversions[column.name] = absent(column.data_type)
            continue
        source_type = types[column.name]
        conversion = convert(present[column.name], source_type, column, f"value_{column.name}", time_zone)
        if conversion is None:
            raise LandingError(
                f"{files[0].relative_to(raw_folder).as_posix()}: the column {column.name} is {source_type}, "
                f"which cannot be read as {column.data_type}. Write it as {column.data_type} or as text."
            )
        conversions[column.name] = conversion
    return _Part(tuple(files), present, conversions)


def _csv_columns(file: Path) -> list[tuple[str, str]]:
    return [(name, "VARCHAR") for name in csv_header(file)]


def _parquet_columns(connection: duckdb.DuckDBPyConnection, file: Path, path: str) -> list[tuple[str, str]]:
    """Return names and DuckDB types of the top level; the tree of a parquet schema comes parents first."""
    query = "select name, coalesce(duckdb_type, $2), coalesce(num_children, 0) from parquet_schema($1)"
    try:
        _, *tree = connection.execute(query, [_pattern(file), NESTED]).fetchall()
    except duckdb.Error as error:
        raise LandingError(f"{path}: {_broken_parquet(error)}") from None
    columns, descendants = [], 0
    for name, data_type, children in tree:
        if descendants:
            descendants -= 1
        else:
            columns.append((name, data_type))
        descendants += children
    return columns


def _broken_parquet(error: duckdb.Error) -> str:
    return f"not a complete parquet file ({str(error).splitlines()[0]}). Write it again."


def _check_header(table: Table, path: str, header: list[tuple[str, str]]) -> None:
    names = [name for name, _ in header]
    folded = Counter(name.casefold() for name in names)
    twice = [column.name for column in table.columns if folded[column.name] > 1]
    if twice:
        raise LandingError(f"{path}: {_counted(twice)} more than once in the header. Keep one.")
    missing = [column.name for column in table.columns if column.required and column.name not in names]
    if missing:
        raise LandingError(
            f"{path}: lacks the required {_counted(missing)}; it has {_listed(names)}. "
            "Add or rename: names are matched exactly, in lower case."
        )


def _landed(connection: duckdb.DuckDBPyConnection, raw_folder: Path, plan: _Plan) -> LandedTable:
    """Create the table or view of one plan."""
    create = {"parquet": _create_view, "csv": _create_table, "missing": _create_empty}[plan.kind]
    rows, rounded = create(connection, plan)
    return LandedTable(
        name=plan.table.name,
        kind=plan.kind,
        files=tuple(file.relative_to(raw_folder).as_posix() for part in plan.parts for file in part.files),
        rows=rows,
        missing_columns=plan.missing_columns,
        extra_columns=plan.extra_columns,
        rounded_decimals={column: count for column, count in rounded.items() if count},
    )


def _create_view(connection: duckdb.DuckDBPyConnection, plan: _Plan) -> tuple[int, dict[str, int]]:
    """Create the view that reads the parquet files in place; only columns that may need rounding are read now."""
    selects = [f"select {', '.join(_columns(plan.table, part))} from {_from_parquet(part)}" for part in plan.parts]
    connection.execute(f"create view {_relation(plan.table)} as {' union all '.join(selects)}")
    rows, rounded = 0, Counter()
    for part in plan.parts:
        patterns = [_pattern(file) for file in part.files]
        rows += connection.execute("select sum(num_rows) from parquet_file_metadata($1)", [patterns]).fetchall()[0][0]
        try:
            rounded.update(_count_rounded(connection, _rounding(part), _from_parquet(part)))
        except duckdb.Error as error:
            raise LandingError(f"{plan.table.name}: {_broken_parquet(error)}") from None
    return rows, rounded


def _create_table(connection: duckdb.DuckDBPyConnection, plan: _Plan) -> tuple[int, dict[str, int]]:
    """Create the table of a CSV file, which is read once."""
    import pyarrow as pa  # see csv_batches

    (part,) = plan.parts
    (file,) = part.files
    header = csv_header(file)
    positions = [header.index(name) for name in part.present]
    schema = pa.schema([(f"c{index}", pa.string()) for index in range(len(positions))])
    batches = csv_batches(file, positions, len(header))
    texts = ", ".join(f"nullif(c{index}, '') as {source}" for index, source in enumerate(part.present.values()))
    flags = {name: f"_rounded_{name}" for name in _rounding(part)}
    columns = _columns(plan.table, part) + [f"{_rounding(part)[name]} as {flag}" for name, flag in flags.items()]
    typed = _typed(part, f"select {texts} from csv_rows")
    connection.register("csv_rows", pa.RecordBatchReader.from_batches(schema, batches))
    try:
        connection.execute(f"create table {_relation(plan.table)} as select {', '.join(columns)} from {typed}")
    except duckdb.Error:
        fault = csv_fault(file)
        if fault is None:
            raise
        raise LandingError(fault) from None
    finally:
        connection.unregister("csv_rows")
    rounded = _count_rounded(connection, flags, _relation(plan.table))
    for flag in flags.values():
        connection.execute(f"alter table {_relation(plan.table)} drop column {flag}")
    rows = connection.execute(f"select count(*) from {_relation(plan.table)}").fetchall()[0][0]
    return rows, rounded


def _create_empty(connection: duckdb.DuckDBPyConnection, plan: _Plan) -> tuple[int, dict[str, int]]:
    """Create the table of an optional file that nobody brought."""
    columns = [f"{_name(column.name)} {column.data_type}" for column in plan.table.columns]
    columns += ["_unparsed varchar", "_plain_days varchar", "_row varchar"]
    connection.execute(f"create table {_relation(plan.table)} ({', '.join(columns)})")
    return 0, {}


def _columns(table: Table, part: _Part) -> list[str]:
    """Return the contract's columns, `_unparsed`, `_plain_days` and `_row`, in terms of what `_typed` yields."""
    columns = [f"value_{column.name} as {_name(column.name)}" for column in table.columns]
    checks = [f"when {check.unparsed} then '{name}'" for name, check in part.conversions.items() if check.unparsed]
    unparsed = f"case {' '.join(checks)} end" if checks else "cast(null as varchar)"
    plain = [
        f"case when {check.plain_day} then '{name}' end" for name, check in part.conversions.items() if check.plain_day
    ]
    plain_days = f"nullif(concat_ws(' ', {', '.join(plain)}), '')" if plain else "cast(null as varchar)"
    originals = ", ".join(f"{_name(name)} := {entry.original}" for name, entry in part.conversions.items())
    marks = [f"{unparsed} as _unparsed", f"{plain_days} as _plain_days"]
    return [*columns, *marks, f"cast(to_json(struct_pack({originals})) as varchar) as _row"]


def _typed(part: _Part, sources: str) -> str:
    """Return the subquery with a source and a value for each column."""
    values = ", ".join(f"{conversion.value} as value_{name}" for name, conversion in part.conversions.items())
    return f"(select *, {values} from ({sources}) as sources) as typed"


def _rounding(part: _Part) -> dict[str, str]:
    return {name: conversion.rounded for name, conversion in part.conversions.items() if conversion.rounded}


def _count_rounded(connection: duckdb.DuckDBPyConnection, conditions: dict[str, str], relation: str) -> dict[str, int]:
    if not conditions:
        return {}
    counts = ", ".join(f"count(case when {condition} then 1 end)" for condition in conditions.values())
    return dict(zip(conditions, connection.execute(f"select {counts} from {relation}").fetchall()[0], strict=True))


def _write_deliveries(connection: duckdb.DuckDBPyConnection, files: tuple[Fingerprint, ...]) -> None:
    connection.execute("create table keizoku.state.deliveries (table_name varchar, modified_at timestamp)")
    rows = [(table, modified_at) for table, modified_at in delivered(files).items()]
    if rows:
        connection.executemany("insert into keizoku.state.deliveries values ($1, $2)", rows)


def _write_settings(connection: duckdb.DuckDBPyConnection, settings) -> None:
    connection.execute(
        "create table keizoku.state.run_settings"
        " (as_of_date date, time_zone varchar, currency varchar, build_id varchar, accept_rejects boolean,"
        " started_at timestamp, is_simulation boolean)"
    )
    connection.execute(
        "insert into keizoku.state.run_settings values ($1, $2, $3, $4, $5, $6, $7)",
        [
            settings.as_of_date,
            settings.time_zone,
            settings.currency,
            settings.build_id,
            settings.accept_rejects,
            settings.started_at,
            settings.is_simulation,
        ],
    )


def _unknown_files(raw_folder: Path) -> tuple[str, ...]:
    """Return what lies in the raw folder under no name of the contract: perhaps a table with a misspelt name."""
    known = {form for name in load_contract() for form in (name, f"{name}.csv", f"{name}.parquet")} | {COMPANY_FILE}
    return tuple(sorted(entry.name for entry in raw_folder.iterdir() if entry.name not in known))


def _log(report: LandedReport) -> None:
    landed = [table for table in report.tables if table.kind != "missing"]
    logger.info("Landed %d tables, %s rows", len(landed), f"{sum(table.rows for table in landed):,}")
    if report.missing_tables:
        logger.info("Optional tables not brought: %s", ", ".join(report.missing_tables))
    for table, columns in report.extra_columns.items():
        logger.info("Ignored columns of %s: %s", table, _listed(columns))
    if report.unknown_files:
        logger.info("Ignored files: %s", _listed(report.unknown_files))
    for column, count in report.rounded_decimals.items():
        logger.info("Rounded %s values of %s", f"{count:,}", column)


def _remove(build_file: Path) -> None:
    for file in (build_file, build_file.with_name(f"{build_file.name}.wal")):
        file.unlink(missing_ok=True)


def _relation(table: Table) -> str:
    return f"keizoku.raw.{_name(table.name)}"


def _from_parquet(part: _Part) -> str:
    sources = ", ".join(f"{_name(name)} as {source}" for name, source in part.present.items())
    return _typed(part, f"select {sources} from {_read_parquet(part.files)}")


def _read_parquet(files: Iterable[Path]) -> str:
    # A folder named country=JP would otherwise become a column.
    return f"read_parquet([{', '.join(literal(_pattern(file)) for file in files)}], hive_partitioning = false)"


def _pattern(file: Path) -> str:
    """Return a path as a pattern that matches nothing else: data[1] would otherwise read data1."""
    return re.sub(r"([*?\[])", r"[\1]", str(file))


def _name(column: str) -> str:
    return '"' + column.replace('"', '""') + '"'


def _counted(names: list[str]) -> str:
    return f"column{'s' if len(names) > 1 else ''} {', '.join(names)}"


def _listed(names: Iterable[str], limit: int = 20) -> str:
    names = list(names)
    more = f" and {len(names) - limit} more" if len(names) > limit else ""
    return ", ".join(name if name.isidentifier() else repr(name[:60]) for name in names[:limit]) + more
