"""Raw files into the build database: schema `raw` in the contract's columns and types, schema `state` for the run.

Parquet is read in place through a view, CSV once into a table, and a missing optional table is empty.
Beside the contract's columns every table has `_unparsed`, the columns whose values are not of their types,
`_plain_days`, the columns of instants that came as days without a clock, and, where a value is not of its type,
`_row`, the row as it came, as JSON.
"""

import hashlib
import logging
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb

from orchestration.landing.contract import Table, load_contract
from orchestration.landing.conversion import absent, convert
from orchestration.landing.files import (
    Fingerprint,
    LandingError,
    RawFolder,
    Source,
    content_hash,
    csv_batches,
    csv_fault,
    csv_header,
    delivered,
    fingerprints,
    folded,
    in_words,
    look_into,
    nearest,
)
from orchestration.warehouse.database import NAME, attach, in_memory, literal

logger = logging.getLogger("keizoku")

WIDEST_DECIMAL = 38  # digits


@dataclass(frozen=True)
class LandedFile:
    """One file as it was read; its path is relative to the raw folder, its hash the SHA-256 of its bytes."""

    path: str
    rows: int
    content_hash: str
    extra_columns: tuple[str, ...]


@dataclass(frozen=True)
class LandedTable:
    """What became of one table of the contract. `kind` is parquet, csv or missing."""

    name: str
    kind: str
    files: tuple[LandedFile, ...]
    rows: int
    missing_columns: tuple[str, ...]
    extra_columns: tuple[str, ...]
    rounded_decimals: dict[str, int]
    folded_words: tuple[tuple[str, str, str, int], ...]  # column, word, as which it is read, rows


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
class _Column:
    """A column of the contract in a file: its name there, its place in the header and its DuckDB type."""

    name: str
    position: int
    source_type: str


@dataclass(frozen=True)
class _Header:
    """What one file brings: columns of the contract by their name there, its other columns, and how many in all."""

    columns: dict[str, _Column]
    extra: tuple[str, ...]
    width: int


@dataclass(frozen=True)
class _Part:
    """Files of one table that are read by one expression, and how each column of the contract is read from them.

    `present` gives the columns that the files have the names under which conversions know them.
    """

    files: tuple[Path, ...]
    present: dict[str, str]
    conversions: dict[str, Any]  # Conversion of each column


@dataclass(frozen=True)
class _Plan:
    table: Table
    kind: str
    parts: tuple[_Part, ...]
    headers: dict[Path, _Header]
    missing_columns: tuple[str, ...] = ()
    extra_columns: tuple[str, ...] = ()


@dataclass
class _Read:
    """What was counted while the files of a table were read."""

    rows: Counter[Path] = field(default_factory=Counter)
    hashes: dict[Path, str] = field(default_factory=dict)
    rounded: Counter[str] = field(default_factory=Counter)
    folded: Counter[tuple[str, str, str]] = field(default_factory=Counter)


def land(raw_folder: Path, build_file: Path, settings) -> LandedReport:
    """Create the build database anew with the raw tables of a folder and the settings of the run.

    `settings` has as_of_date, time_zone, currency, build_id, accept_rejects, started_at and is_simulation.
    Everything that is wrong with the files is raised as one LandingError, and no build database is left then.
    """
    raw_folder, build_file = raw_folder.resolve(), build_file.resolve()
    contract = load_contract()
    if not raw_folder.is_dir():
        raise LandingError(f"The raw folder {raw_folder} does not exist. Point KEIZOKU_RAW at the folder of raw files.")
    try:
        # Taken before anything is read, so that a file that changes meanwhile is noticed too.
        found = look_into(raw_folder, contract)
        seen = fingerprints(raw_folder, contract)
        _remove(build_file)
        build_file.parent.mkdir(parents=True, exist_ok=True)
        with in_memory() as connection:
            # dbt attaches the file under the same name, which the text of a view repeats.
            attach(connection, build_file, NAME, read_only=False)
            plans = _planned_all(connection, raw_folder, contract, found, settings.time_zone)
            connection.execute("begin")
            connection.execute("create schema keizoku.raw")
            connection.execute("create schema keizoku.state")
            tables = _landed_all(connection, raw_folder, plans)
            _write_settings(connection, settings)
            report = LandedReport(raw_folder, tables, found.unknown, seen)
            _write_files(connection, report)
            _write_deliveries(connection, seen)
            connection.execute("commit")
    except BaseException as error:
        _remove(build_file)
        if isinstance(error, LandingError):
            raise LandingError(f"The raw files in {raw_folder} cannot be used:\n{error}") from None
        raise
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
    connection: duckdb.DuckDBPyConnection,
    raw_folder: Path,
    contract: dict[str, Table],
    found: RawFolder,
    time_zone: str,
) -> list[_Plan]:
    """Plan every table; what is missing or wrong in any header is raised at once, not one fault a run."""
    plans, faults = [], [text for _, text in found.faults]
    broken = {table for table, _ in found.faults}
    for table in contract.values():
        source = found.sources.get(table.name)
        if source is None or table.name in broken:
            plans.append(_Plan(table, "missing", (), {}))
            continue
        try:
            plans.append(_planned(connection, raw_folder, table, source, time_zone))
        except LandingError as error:
            faults.extend(str(error).splitlines())
    if faults:
        if found.unknown:
            faults.append(f"(not read, since no table has such a name: {_listed(found.unknown)})")
        raise LandingError("\n".join(faults))
    return plans


def _planned(
    connection: duckdb.DuckDBPyConnection, raw_folder: Path, table: Table, source: Source, time_zone: str
) -> _Plan:
    """Read the headers of a table's files and decide how each column is read."""
    headers: dict[Path, _Header] = {}
    faults = []
    for file in source.files:
        path = file.relative_to(raw_folder).as_posix()
        try:
            columns = (
                _csv_columns(raw_folder, file) if source.kind == "csv" else _parquet_columns(connection, file, path)
            )
            headers[file] = _matched(table, path, columns)
            _check_types(table, path, file, headers[file])
        except LandingError as error:
            faults.append(str(error))
        except OSError as error:
            faults.append(f"{path}: {in_words(error)}")
    if faults:
        raise LandingError("\n".join(faults))

    alike: dict[tuple, list[Path]] = {}
    if source.kind == "csv":
        alike[()] = list(source.files)
    for file, header in headers.items() if source.kind == "parquet" else ():
        shape = tuple(sorted((name, column.name, column.source_type) for name, column in header.columns.items()))
        alike.setdefault(shape, []).append(file)
    found = {name for header in headers.values() for name in header.columns}
    return _Plan(
        table=table,
        kind=source.kind,
        parts=tuple(_part(table, files, headers, time_zone) for files in alike.values()),
        headers=headers,
        missing_columns=tuple(column.name for column in table.columns if column.name not in found),
        extra_columns=tuple(sorted({name for header in headers.values() for name in header.extra})),
    )


def _part(table: Table, files: list[Path], headers: dict[Path, _Header], time_zone: str) -> _Part:
    types = {name: column.source_type for file in files for name, column in headers[file].columns.items()}
    present = {column.name: f"source_{column.name}" for column in table.columns if column.name in types}
    conversions = {
        column.name: convert(present[column.name], types[column.name], column, f"value_{column.name}", time_zone)
        if column.name in types
        else absent(column.data_type)
        for column in table.columns
    }
    return _Part(tuple(files), present, conversions)


def _csv_columns(raw_folder: Path, file: Path) -> list[tuple[str, str]]:
    try:
        return [(name, "VARCHAR") for name in csv_header(file)]
    except LandingError as error:
        raise LandingError(_at(raw_folder, file, str(error))) from None


def _parquet_columns(connection: duckdb.DuckDBPyConnection, file: Path, path: str) -> list[tuple[str, str]]:
    """Return names and types of the top level; the tree of a parquet schema comes parents first."""
    with file.open("rb") as content:  # what the system refuses is its own fault, not the file's
        content.read(4)
    query = "select name, duckdb_type, coalesce(num_children, 0), precision, scale from parquet_schema($1)"
    try:
        _, *tree = connection.execute(query, [_pattern(file)]).fetchall()
    except duckdb.Error as error:
        raise LandingError(f"{path}: {_broken_parquet(error)}") from None
    columns, descendants = [], 0
    for name, data_type, children, precision, scale in tree:
        if descendants:
            descendants -= 1
        elif data_type is None:
            columns.append((name, "a list or a structure"))
        else:
            # DuckDB reads a decimal of more digits than it has as a float, and wrongly.
            is_wide = precision is not None and precision > WIDEST_DECIMAL
            columns.append((name, f"DECIMAL({precision},{scale})" if is_wide else data_type))
        descendants += children
    return columns


def _broken_parquet(error: duckdb.Error) -> str:
    return f"not a complete parquet file ({str(error).splitlines()[0]}). Write it again."


def _matched(table: Table, path: str, found: list[tuple[str, str]]) -> _Header:
    """Match a file's columns to those of the contract; stop at what is missing, doubtful, or there twice."""
    faults, columns, extra = [], {}, []
    names = [name for name, _ in found]
    wanted = {column.name for column in table.columns}
    for position, (name, source_type) in enumerate(found):
        known = folded(name)
        if known not in wanted:
            extra.append(name)
        elif known in columns:
            faults.append(
                f"{path}: the column {known} stands more than once in the header "
                f"({_listed([columns[known].name, name])}). Keep one."
            )
        else:
            columns[known] = _Column(name, position, source_type)
    missing = [column.name for column in table.columns if column.required and column.name not in columns]
    for name in extra:
        meant = nearest(folded(name), wanted)
        if meant and meant in columns and not _is_alike(name, meant):
            meant = nearest(folded(name), wanted - columns.keys())
        if meant and meant not in missing:
            again = ", which the file has too" if meant in columns else ""
            faults.append(
                f"{path}: the column {_listed([name])} is unknown, and nearly {meant}{again}. "
                "Rename it: to that, or to something that is not so near."
            )
    if missing:
        others = {folded(name): name for name in extra}
        hints = [(name, others.get(nearest(name, others) or "")) for name in missing]
        meant = "".join(f" Is {_listed([near])} meant to be {name}?" for name, near in hints if near)
        faults.append(f"{path}: lacks the required {_counted(missing)}; it has {_listed(names)}.{meant} Add or rename.")
    for folder in Path(path).parts[:-1]:
        key, mark, _ = folder.partition("=")
        if mark and folded(key) in wanted and folded(key) not in columns:
            faults.append(
                f"{path}: the column {folded(key)} stands only in the name of the folder {folder}. "
                "Write it into the files too."
            )
    if faults:
        raise LandingError("\n".join(faults))
    return _Header(columns, tuple(sorted(extra)), len(found))


def _is_alike(name: str, other: str) -> bool:
    """Tell whether two names are the same but for what stands between their letters."""
    return re.sub(r"[\W_]", "", folded(name)) == re.sub(r"[\W_]", "", other)


def _check_types(table: Table, path: str, file: Path, header: _Header) -> None:
    """Stop at a column of a type that no rule can read, with the first of its values."""
    for column in table.columns:
        found = header.columns.get(column.name)
        if found is None or convert("", found.source_type, column, "", "UTC") is not None:
            continue
        first = _first_value(file, found.name)
        raise LandingError(
            f"{path}: the column {found.name} is {found.source_type}{f' (the first: {first})' if first else ''}, "
            f"which cannot be read as {column.data_type}. Write it as {column.data_type} or as text."
        )


def _first_value(file: Path, column: str) -> str | None:
    """Return the first value of a parquet column that DuckDB may not be able to show."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        for batch in pq.ParquetFile(file).iter_batches(1_000, columns=[column]):
            for value in batch.column(0):
                if value.is_valid:
                    return str(value)[:60]
    except (pa.ArrowException, OSError):
        return None
    return None


def _landed_all(connection: duckdb.DuckDBPyConnection, raw_folder: Path, plans: list[_Plan]) -> tuple[LandedTable, ...]:
    """Create the table or view of every plan; all files that cannot be read are named at once."""
    tables, faults = [], []
    for plan in plans:
        try:
            if faults:  # of the other files it remains to be said what is wrong with them
                faults += _csv_faults(raw_folder, plan.headers) if plan.kind == "csv" else []
            else:
                tables.append(_landed(connection, raw_folder, plan))
        except LandingError as error:
            faults.append(str(error))
    if faults:
        raise LandingError("\n".join(faults))
    return tuple(tables)


def _landed(connection: duckdb.DuckDBPyConnection, raw_folder: Path, plan: _Plan) -> LandedTable:
    """Create the table or view of one plan."""
    create = {"parquet": _create_view, "csv": _create_table, "missing": _create_empty}[plan.kind]
    read = create(connection, raw_folder, plan)
    return LandedTable(
        name=plan.table.name,
        kind=plan.kind,
        files=tuple(
            LandedFile(file.relative_to(raw_folder).as_posix(), read.rows[file], read.hashes[file], header.extra)
            for file, header in plan.headers.items()
        ),
        rows=sum(read.rows.values()),
        missing_columns=plan.missing_columns,
        extra_columns=plan.extra_columns,
        rounded_decimals={column: count for column, count in read.rounded.items() if count},
        folded_words=tuple((*word, count) for word, count in sorted(read.folded.items())),
    )


def _create_view(connection: duckdb.DuckDBPyConnection, raw_folder: Path, plan: _Plan) -> _Read:
    """Create the view that reads the parquet files in place; only columns that may need rounding are read now."""
    selects = [
        f"select {', '.join(_columns(plan.table, part))} from {_from_parquet(plan, part)}" for part in plan.parts
    ]
    connection.execute(f"create view {_relation(plan.table)} as {' union all '.join(selects)}")
    read = _Read()
    for file in plan.headers:
        counted = connection.execute("select num_rows from parquet_file_metadata($1)", [_pattern(file)])
        (read.rows[file],) = counted.fetchall()[0]
        read.hashes[file] = content_hash(file)
    for part in plan.parts:
        try:
            read.rounded.update(_count_rounded(connection, _rounding(part), _from_parquet(plan, part)))
            for name, condition in _folding(part).items():
                word = f"case when {condition} then cast({part.present[name]} as varchar) end"
                read.folded.update(_count_folded(connection, name, word, f"value_{name}", _from_parquet(plan, part)))
        except duckdb.Error as error:
            raise LandingError(f"{plan.table.name}: {_broken_parquet(error)}") from None
    return read


def _create_table(connection: duckdb.DuckDBPyConnection, raw_folder: Path, plan: _Plan) -> _Read:
    """Create the table of CSV files, each of which is read once."""
    import pyarrow as pa  # see csv_batches

    (part,) = plan.parts
    read = _Read()

    def batches() -> Iterator[pa.RecordBatch]:
        for file in part.files:
            header, digest = plan.headers[file], hashlib.sha256()
            positions = [header.columns[name].position if name in header.columns else None for name in part.present]
            for batch in csv_batches(file, positions, header.width, digest):
                read.rows[file] += batch.num_rows
                yield batch
            read.hashes[file] = digest.hexdigest()

    schema = pa.schema([(f"c{index}", pa.string()) for index in range(len(part.present))])
    texts = ", ".join(f"c{index} as {source}" for index, source in enumerate(part.present.values()))
    flags = {name: f"_rounded_{name}" for name in _rounding(part)}
    columns = _columns(plan.table, part) + [f"{_rounding(part)[name]} as {flag}" for name, flag in flags.items()]
    words = {name: f"_folded_{name}" for name in _folding(part)}
    for name, word in words.items():
        columns.append(f"case when {_folding(part)[name]} then {part.present[name]} end as {word}")
    typed = _typed(part, f"select {texts} from csv_rows")
    connection.register("csv_rows", pa.RecordBatchReader.from_batches(schema, batches()))
    try:
        connection.execute(f"create table {_relation(plan.table)} as select {', '.join(columns)} from {typed}")
    except duckdb.Error:
        if not (faults := _csv_faults(raw_folder, part.files)):
            raise
        raise LandingError("\n".join(faults)) from None
    finally:
        connection.unregister("csv_rows")
    read.rounded = Counter(_count_rounded(connection, flags, _relation(plan.table)))
    for name, word in words.items():
        read.folded.update(_count_folded(connection, name, word, _name(name), _relation(plan.table)))
    for flag in (*flags.values(), *words.values()):
        connection.execute(f"alter table {_relation(plan.table)} drop column {flag}")
    return read


def _csv_faults(raw_folder: Path, files: Iterable[Path]) -> list[str]:
    """Say what is wrong with each file that is no proper CSV file."""
    faults = ((file, csv_fault(file)) for file in files)
    return [_at(raw_folder, file, fault) for file, fault in faults if fault is not None]


def _at(raw_folder: Path, file: Path, fault: str) -> str:
    """Return a fault that begins with a file's name as one that begins with its path in the raw folder."""
    return file.relative_to(raw_folder).as_posix() + fault.removeprefix(file.name)


def _create_empty(connection: duckdb.DuckDBPyConnection, _: Path, plan: _Plan) -> _Read:
    """Create the table of an optional file that nobody brought."""
    columns = [f"{_name(column.name)} {column.data_type}" for column in plan.table.columns]
    columns += ["_unparsed varchar", "_plain_days varchar", "_row varchar"]
    connection.execute(f"create table {_relation(plan.table)} ({', '.join(columns)})")
    return _Read()


def _columns(table: Table, part: _Part) -> list[str]:
    """Return the contract's columns, `_unparsed`, `_plain_days` and `_row`, in terms of what `_typed` yields."""
    columns = [f"value_{column.name} as {_name(column.name)}" for column in table.columns]
    checks = [
        f"case when {check.unparsed} then '{name}' end" for name, check in part.conversions.items() if check.unparsed
    ]
    unparsed = f"nullif(concat_ws(' ', {', '.join(checks)}), '')" if checks else "cast(null as varchar)"
    plain = [
        f"case when {check.plain_day} then '{name}' end" for name, check in part.conversions.items() if check.plain_day
    ]
    plain_days = f"nullif(concat_ws(' ', {', '.join(plain)}), '')" if plain else "cast(null as varchar)"
    originals = ", ".join(f"{_name(name)} := {entry.original}" for name, entry in part.conversions.items())
    marks = [f"{unparsed} as _unparsed", f"{plain_days} as _plain_days"]
    # The text of every row would take as long as all that is done with the rows: macros/audit.sql writes the others'.
    whole_row = f"case when ({unparsed}) is not null then cast(to_json(struct_pack({originals})) as varchar) end"
    return [*columns, *marks, f"{whole_row} as _row"]


def _typed(part: _Part, sources: str) -> str:
    """Return the subquery with a source and a value for each column."""
    values = ", ".join(f"{conversion.value} as value_{name}" for name, conversion in part.conversions.items())
    return f"(select *, {values} from ({sources}) as sources) as typed"


def _rounding(part: _Part) -> dict[str, str]:
    return {name: conversion.rounded for name, conversion in part.conversions.items() if conversion.rounded}


def _folding(part: _Part) -> dict[str, str]:
    return {name: conversion.folded for name, conversion in part.conversions.items() if conversion.folded}


def _count_folded(
    connection: duckdb.DuckDBPyConnection, column: str, word: str, value: str, relation: str
) -> Counter[tuple[str, str, str]]:
    """Count the rows in which a word was read as another one."""
    query = f"select {word}, {value}, count(*) from {relation} where {word} is not null group by all"
    return Counter({(column, *words): count for *words, count in connection.execute(query).fetchall()})


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


def _write_files(connection: duckdb.DuckDBPyConnection, report: LandedReport) -> None:
    """Write which files were read, which were not, and which columns nobody reads."""
    connection.execute(
        "create table keizoku.state.raw_files (path varchar, table_name varchar, row_count bigint, byte_count bigint,"
        " content_hash varchar, modified_at timestamp)"
    )
    connection.execute(
        "create table keizoku.state.unknown_columns (table_name varchar, path varchar, column_name varchar)"
    )
    connection.execute(
        "create table keizoku.state.folded_words"
        " (table_name varchar, column_name varchar, word varchar, read_as varchar, row_count bigint)"
    )
    seen = {entry.path: entry for entry in report.fingerprints}
    for table in report.tables:
        for file in table.files:
            entry = seen[file.path]
            modified_at = datetime.fromtimestamp(entry.modified_ns // 10**9, UTC).replace(tzinfo=None)
            connection.execute(
                "insert into keizoku.state.raw_files values ($1, $2, $3, $4, $5, $6)",
                [file.path, table.name, file.rows, entry.size, file.content_hash, modified_at],
            )
            for column in dict.fromkeys(file.extra_columns):
                connection.execute(
                    "insert into keizoku.state.unknown_columns values ($1, $2, $3)", [table.name, file.path, column]
                )
        for words in table.folded_words:
            connection.execute(
                "insert into keizoku.state.folded_words values ($1, $2, $3, $4, $5)", [table.name, *words]
            )
    for path in report.unknown_files:
        connection.execute("insert into keizoku.state.raw_files (path) values ($1)", [path])


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
    for landed_table in report.tables:
        for column, word, meant, count in landed_table.folded_words:
            logger.info("Read %r as %r in %s.%s (%s rows)", word, meant, landed_table.name, column, f"{count:,}")


def _remove(build_file: Path) -> None:
    for file in (build_file, build_file.with_name(f"{build_file.name}.wal")):
        file.unlink(missing_ok=True)


def _relation(table: Table) -> str:
    return f"keizoku.raw.{_name(table.name)}"


def _from_parquet(plan: _Plan, part: _Part) -> str:
    columns = plan.headers[part.files[0]].columns
    sources = ", ".join(f"{_name(columns[name].name)} as {source}" for name, source in part.present.items())
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
