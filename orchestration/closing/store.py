"""What outlives every rebuild: closed months and the log of restatements, append-only under KEIZOKU_HOME/state.

    state/closes/00001-close-2026-10/          one folder an entry, complete before it gets its name, and final
        account_months.parquet                 what was locked of every customer
        item_months.parquet                    the item versions behind it
        metric_values.parquet                  the figures
        item_versions.parquet                  versions that this close knew and none before it
        event.parquet                          one row: what happened, who did it, from which build, and the hashes
    state/closes/00002-restatements-2026-11/   restatements.parquet: what a publication saw move
    state/closes/00003-reopen-2026-10/         event.parquet alone

Every row carries the SHA-256 of itself and of the row before it; a file begins from the entry before, and an entry's
own hash covers its files (their rows, last hashes and bytes) and the entry before. So nobody can change or take away
a row without every later hash telling, and what was published tells of entries taken from the end: each publication
has a copy of its own beside it.
"""

import hashlib
import json
import re
import shutil
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

import duckdb

from orchestration.publication import history
from orchestration.warehouse.database import attached, in_memory, literal

KEYS = "line_number bigint"
HASH = "row_hash varchar"
# What is stored, a file each: column and type in the order in which rows are hashed, and the order of the rows.
TABLES = {
    "account_months": (
        """
        account_id varchar, month date, plan_tier varchar, size_band varchar, industry varchar, country varchar,
        plan_rates varchar, member_accounts varchar, policy_version varchar, opening_mrr decimal(18,4),
        closing_mrr decimal(18,4), cohort_opening_mrr decimal(18,4), cohort_closing_mrr decimal(18,4)
        """,
        "account_id",
    ),
    "item_months": (
        """
        account_id varchar, month date, subscription_item_id varchar, item_version_id varchar, subscription_id varchar,
        owner_account_id varchar, product_id varchar, billing_interval varchar, currency varchar, interval_count bigint,
        quantity decimal(18,4), unit_amount decimal(18,4), discount_amount decimal(18,4), plan_rate decimal(18,8),
        list_mrr decimal(18,4), mrr decimal(18,4), is_paused boolean, service_from_at timestamp,
        service_end_at timestamp, recorded_at timestamp, renewed_on date
        """,
        "subscription_item_id",
    ),
    "metric_values": (
        """
        metric_key varchar, month date, segment_type varchar, segment_value varchar, null_reason varchar,
        policy_version varchar, numerator decimal(38,4), denominator decimal(38,4), closed_value decimal(38,10),
        sample_size bigint
        """,
        "metric_key, segment_type, segment_value",
    ),
    "item_versions": ("item_version_id varchar, service_from_at timestamp", "item_version_id"),
    "restatements": (
        """
        account_id varchar, month date, reason varchar, build_id varchar, difference_mrr decimal(18,4),
        close_number bigint, seen_at timestamp
        """,
        "close_number, account_id, month, reason",
    ),
}
EVENT = """
    action varchar, month date, reason varchar, made_by varchar, build_id varchar, currency varchar, time_zone varchar,
    policy_version varchar, files varchar, previous_hash varchar, entry_number bigint, row_count bigint,
    as_of_date date, made_at timestamp
"""
# What entries have said besides since they say it: hashed by its name, and only where it is said, so that an entry from
# before that is as whole as it was.
LATER = "approved_by varchar, os_user varchar, data_through date, data_through_by varchar"
# What dbt reads, by its name there: the file, and whether only closes that are in force count.
SOURCES = {
    "closed_account_months": ("account_months", True),
    "closed_item_months": ("item_months", True),
    "closed_metric_values": ("metric_values", True),
    "known_item_versions": ("item_versions", False),
    "restatement_log": ("restatements", False),
}
GENESIS = "0" * 64
NUMBER, MONTH = "[0-9]{5}", "[0-9]{4}-[0-9]{2}"
NAME = re.compile(f"{NUMBER}-[a-z]+-{MONTH}")
REMEDY = (
    "Nothing is published until the store of closed months is whole again: copy it back from {copy} "
    "(docs/operations.md says how)."
)


class StateError(Exception):
    """The store of closed months is not what it was; the message names the month and the file."""


@dataclass(frozen=True)
class Entry:
    """One event of the store, as its event.parquet tells it."""

    folder: Path
    entry_number: int
    action: str
    month: date
    reason: str | None
    made_by: str
    build_id: str
    currency: str
    time_zone: str
    policy_version: str
    files: dict[str, tuple[int, str, str]]  # rows, last hash, digest of the bytes
    as_of_date: date
    made_at: datetime
    previous_hash: str
    row_hash: str
    approved_by: str | None
    os_user: str | None
    data_through: date | None
    data_through_by: str | None


def closes_folder(home: Path) -> Path:
    """The folder that holds the entries."""
    return home / "state" / "closes"


def entries(folder: Path) -> list[Entry]:
    """Read the events of a store, the first one first; raise StateError where one is missing or was changed."""
    found, previous = [], GENESIS
    names = _entry_names(folder)
    for number, name in enumerate(names, 1):
        if int(name[:5]) != number:
            raise StateError(f"{folder}: entry {number:05}, before {name}, is gone. " + _remedy(folder))
    for entry, text in _read_events([folder / name / "event.parquet" for name in names]):
        name = entry.folder.name
        if _hashed(previous, text) != entry.row_hash or entry.previous_hash != previous or not _fits(entry, name):
            raise StateError(
                f"{_told(name)} {entry.folder / 'event.parquet'} is not as it was written. {_remedy(folder)}"
            )
        found.append(entry)
        previous = entry.row_hash
    return found


def in_force(found: list[Entry], as_of_date: date) -> dict[date, Entry]:
    """Give the close that counts for each closed month, of what was known by the as-of date."""
    closed: dict[date, Entry] = {}
    for entry in found:
        if entry.as_of_date > as_of_date:
            continue
        if entry.action == "close":
            closed[entry.month] = entry
        elif entry.action == "reopen":
            closed.pop(entry.month, None)
    return closed


def verify(home: Path) -> list[Entry]:
    """Check every hash of the store, and that all that was ever published is still in it; give its entries."""
    folder = closes_folder(home)
    found = entries(folder)
    for table in TABLES:
        # The bytes are fast to check; the rows tell where they are others.
        _verify_rows(table, [entry for entry in found if table in entry.files and not _is_as_written(entry, table)])
    for entry in found:
        files = {file.stem for file in entry.folder.glob("*.parquet")} - {"event"}
        if files != set(entry.files):
            told = ", ".join(sorted(files ^ set(entry.files)))
            raise StateError(
                f"{_told(entry.folder.name)} {entry.folder} lacks, or has besides: {told}. {_remedy(folder)}"
            )
    _verify_prefix(home, found)
    return found


def append(
    home: Path,
    connection: duckdb.DuckDBPyConnection,
    queries: dict[str, str],
    **about: object,
) -> Entry:
    """Add an entry: the rows of a query a table, and the event. It is there, whole and on the disk, or it is not.

    `about` has action, month, reason, made_by, build_id, currency, time_zone, policy_version, as_of_date, made_at and
    what LATER names.
    """
    folder = closes_folder(home)
    folder.mkdir(parents=True, exist_ok=True)
    for leftover in folder.glob(".*"):
        shutil.rmtree(leftover)
    found = entries(folder)
    previous = found[-1].row_hash if found else GENESIS
    name = f"{len(found) + 1:05}-{about['action']}-{about['month']:%Y-%m}"
    making = folder / f".{name}.unfinished"
    making.mkdir()
    files = {
        table: _write_rows(connection, table, query, making / f"{table}.parquet", previous)
        for table, query in queries.items()
    }
    event = about | {
        "files": json.dumps(files, sort_keys=True),
        "previous_hash": previous,
        "entry_number": len(found) + 1,
        "row_count": sum(count for count, *_ in files.values()),
    }
    _write_event(making / "event.parquet", event, previous)
    for file in making.iterdir():
        file.chmod(0o444)
        history.sync(file)
    history.sync(making)
    making.rename(folder / name)
    history.sync(folder)
    ((entry, _),) = _read_events([folder / name / "event.parquet"])
    return entry


def copy_beside(home: Path, making: Path) -> None:
    """Copy the store into a publication that is being put together; nothing when no month was ever closed."""
    folder = closes_folder(home)
    if _entry_names(folder):
        shutil.copytree(folder, making / "state" / "closes", ignore=shutil.ignore_patterns(".*"))


def land_state(connection: duckdb.DuckDBPyConnection, home: Path | None, as_of_date: date) -> None:
    """Make the store readable in schema `state` of the database `keizoku`: views, without rows before the first close.

    A close made as of a later day than this run's is not known yet: it is not in force.
    """
    found = entries(closes_folder(home)) if home else []
    numbers = {entry.entry_number for entry in in_force(found, as_of_date).values()}
    columns = {name: (kind, name) for name, kind in _columns(f"{EVENT}, {LATER}, {HASH}")}
    columns["is_in_force"] = ("boolean", f"entry_number in ({', '.join(map(str, sorted(numbers))) or '0'})")
    _view(connection, "closes", columns, [entry.folder / "event.parquet" for entry in found])
    for source, (table, only_in_force) in SOURCES.items():
        chosen = [entry for entry in found if table in entry.files]
        if only_in_force:
            chosen = [entry for entry in chosen if entry.entry_number in numbers]
        columns = {name: (kind, name) for name, kind in _columns(f"{TABLES[table][0]}, {KEYS}, {HASH}")}
        number = f"regexp_extract(filename, '({NUMBER})-[a-z]+-{MONTH}/{table}[.]parquet$', 1)"
        columns["entry_number"] = ("bigint", number)
        _view(connection, source, columns, [entry.folder / f"{table}.parquet" for entry in chosen])


def row_text(columns: str) -> str:
    """SQL for the text that is hashed for a row: each value in plain writing after its length in bytes, ~ for null."""
    texts = (f"cast({cast} as varchar)" for cast in _plain_casts(columns))
    return " || ',' || ".join(f"coalesce(strlen({text}) || ':' || {text}, '~')" for text in texts)


def _event_text() -> str:
    """SQL for the text that is hashed for an event."""
    said = (
        f"coalesce(',{name}=' || strlen({text}) || ':' || {text}, '')"
        for name, kind in _columns(LATER)
        for text in [f"cast(cast({name} as {kind}) as varchar)"]
    )
    return " || ".join([row_text(EVENT), *said])


# How it is written


def _write_rows(
    connection: duckdb.DuckDBPyConnection, table: str, query: str, file: Path, previous: str
) -> tuple[int, str, str]:
    """Write the rows of a query with their hashes; give how many there are, the last hash, the digest of the file."""
    import pyarrow as pa  # a close needs it, a refresh does not

    columns, order = TABLES[table]
    casts = ", ".join(_casts(columns))
    rows = f"(select row_number() over (order by {order}) as line_number, {casts} from ({query}))"
    texts = connection.execute(f"select {row_text(f'{columns}, {KEYS}')} from {rows} order by line_number").fetchall()
    head = _first_link(table, previous)
    hashes = []
    for (text,) in texts:
        head = _hashed(head, text)
        hashes.append(head)
    chained = pa.table(
        {"chained_number": pa.array(range(1, len(hashes) + 1), pa.int64()), "row_hash": pa.array(hashes, pa.string())}
    )
    connection.register("chained", chained)
    try:
        connection.execute(
            f"copy (select rows.*, chained.row_hash from {rows} as rows "
            "inner join chained on rows.line_number = chained.chained_number order by rows.line_number) "
            f"to {literal(file)} (format parquet, compression zstd)"
        )
    finally:
        connection.unregister("chained")
    return len(hashes), head, _digest(file)


def _write_event(file: Path, event: dict[str, object], previous: str) -> None:
    names = _names(f"{EVENT}, {LATER}")
    with in_memory() as connection:
        connection.execute(f"create table event ({EVENT}, {LATER}, {HASH})")
        marks = ", ".join(f"${position}" for position in range(1, len(names) + 1))
        connection.execute(f"insert into event ({', '.join(names)}) values ({marks})", [event[name] for name in names])
        (text,) = connection.execute(f"select {_event_text()} from event").fetchall()[0]
        connection.execute("update event set row_hash = $1", [_hashed(previous, text)])
        connection.execute(f"copy event to {literal(file)} (format parquet)")


def _first_link(table: str, previous: str) -> str:
    """The hash that a file's first row follows: of the entry before, and of the names and types of its columns."""
    return _hashed(previous, f"{table}: {' '.join(TABLES[table][0].split())}")


def _hashed(previous: str, text: str) -> str:
    return hashlib.sha256(f"{previous}\n{text}".encode()).hexdigest()


# How it is read and checked


def _entry_names(folder: Path) -> list[str]:
    return sorted(entry.name for entry in folder.iterdir() if NAME.fullmatch(entry.name)) if folder.is_dir() else []


def _read_events(files: list[Path]) -> list[tuple[Entry, str]]:
    """Read events in one query; each with the text that its hash is of."""
    if not files:
        return []
    columns = f"{EVENT}, {LATER}, {HASH}"
    names = _names(columns)
    query = f"select filename, {', '.join(_casts(columns))}, {_event_text()} as text from {_rows_in(files, LATER)}"
    try:
        with in_memory() as connection:
            rows = {Path(file): row for file, *row in connection.execute(query).fetchall()}
        events = []
        for file in files:
            *values, text = rows[file]
            about = dict(zip(names, values, strict=True))
            about.pop("row_count")
            held = {table: tuple(of_file) for table, of_file in json.loads(about.pop("files")).items()}
            events.append((Entry(folder=file.parent, files=held, **about), text))
    except (duckdb.Error, OSError, ValueError, KeyError, TypeError) as error:
        if len(files) > 1:  # one of them; each alone tells which
            for file in files:
                _read_events([file])
        name = files[0].parent.name
        raise StateError(f"{_told(name)} {files[0]} cannot be read. {_remedy(files[0].parents[1])}\n{error}") from error
    return events


def _fits(entry: Entry, name: str) -> bool:
    return name == f"{entry.entry_number:05}-{entry.action}-{entry.month:%Y-%m}"


def _digest(file: Path) -> str:
    with file.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


def _is_as_written(entry: Entry, table: str) -> bool:
    file = entry.folder / f"{table}.parquet"
    return file.is_file() and _digest(file) == entry.files[table][2]


def _verify_rows(table: str, found: list[Entry]) -> None:
    """Say what is wrong with the first of these entries' files, whose bytes are not as they were written."""
    for entry in found:
        file = entry.folder / f"{table}.parquet"
        told, remedy = f"{_told(entry.folder.name)} {file}", _remedy(entry.folder.parent)
        if not file.is_file():
            raise StateError(f"{told} is gone. {remedy}")
        try:
            (count, broken) = _count_and_first_broken(table, file, entry.previous_hash)
        except duckdb.Error as error:
            raise StateError(f"{told} cannot be read. {remedy}\n{error}") from error
        expected = entry.files[table][0]
        where = f", row {broken}," if broken else f" has {count} rows of {expected} and" if count != expected else ""
        raise StateError(f"{told}{where} is not as it was locked. {remedy}")


def _count_and_first_broken(table: str, file: Path, previous: str) -> tuple[int, int | None]:
    """Hash every row of a file again."""
    columns, _ = TABLES[table]
    with in_memory() as connection:
        return connection.execute(
            f"""
            with linked as (
                select line_number, row_hash, {row_text(f"{columns}, {KEYS}")} as text,
                    lag(row_hash, 1, $1) over (order by line_number) as link
                from read_parquet({literal(file)})
            )
            select
                count(*),
                min(case when row_hash is distinct from sha256(link || chr(10) || text) then line_number end)
            from linked
            """,
            [_first_link(table, previous)],
        ).fetchall()[0]


def _verify_prefix(home: Path, found: list[Entry]) -> None:
    """What was published of the store must be how the store begins."""
    hashes = {entry.folder.name: entry.row_hash for entry in found}
    for copy in _copies(home):
        names = _entry_names(copy)
        try:
            # The hash of the last one covers all before it.
            last = {
                entry.folder.name: entry.row_hash for entry, _ in _read_events([copy / names[-1] / "event.parquet"])
            }
        except (IndexError, StateError):
            continue  # a copy that is broken says nothing about the store
        for name in names:
            if name not in hashes or last.get(name, hashes[name]) != hashes[name]:
                raise StateError(
                    f"{_told(name)} {closes_folder(home) / name}, which was published, "
                    f"{'is another one now' if name in hashes else 'is gone'}. {_remedy_from(copy)}"
                )
    for number, action, month, row_hash in _published_closes(home):
        name = f"{number:05}-{action}-{month:%Y-%m}"
        if hashes.get(name) != row_hash:
            raise StateError(
                f"{_told(name)} {closes_folder(home) / name} stands in the published file, but the store "
                f"{'has another one' if name in hashes else 'has none'}. {_remedy(closes_folder(home))}"
            )


def _published_closes(home: Path) -> list[tuple]:
    """The entries that the published file tells of; none when it is from before there were any."""
    file = home / "published" / history.FILE
    if not file.is_file():
        return []
    try:
        with attached(file, read_only=True) as connection:
            return connection.execute(
                "select entry_number, action, month, chain_head from reconciliation.closes order by entry_number"
            ).fetchall()
    except duckdb.Error:
        return []


def _copies(home: Path) -> list[Path]:
    """The copies of the store beside publications, the one with the most entries first."""
    copies = list((home / "published" / "history").glob("[!.]*/state/closes"))
    return sorted(copies, key=lambda copy: (len(_entry_names(copy)), copy), reverse=True)


def _told(name: str) -> str:
    """Name the month of an entry."""
    return f"The closed month {name[-7:]} was touched:"


def _remedy(folder: Path) -> str:
    copies = _copies(folder.parents[1]) if folder.name == "closes" else []
    return _remedy_from(
        copies[0] if copies else folder.parents[1] / "published" / "history" / "<publication>" / "state"
    )


def _remedy_from(copy: Path) -> str:
    return REMEDY.format(copy=copy)


# Small things


def _columns(columns: str) -> list[tuple[str, str]]:
    return [tuple(part.split(maxsplit=1)) for part in re.split(r",(?![^(]*\))", " ".join(columns.split()))]


def _names(columns: str) -> list[str]:
    return [name for name, _ in _columns(columns)]


def _casts(columns: str) -> list[str]:
    return [f"cast({name} as {kind}) as {name}" for name, kind in _columns(columns)]


def _plain_casts(columns: str) -> list[str]:
    return [f"cast({name} as {kind})" for name, kind in _columns(columns)]


def _view(
    connection: duckdb.DuckDBPyConnection, name: str, columns: dict[str, tuple[str, str]], files: list[Path]
) -> None:
    """Create a view of columns (their type and what they are read from) over parquet files, which may be none."""
    selected = ", ".join(
        f"cast({expression if files else 'null'} as {kind}) as {column}"
        for column, (kind, expression) in columns.items()
    )
    source = f"from {_rows_in(files, LATER)}" if files else "where false"
    connection.execute(f"create or replace view keizoku.state.{name} as select {selected} {source}")


def _rows_in(files: list[Path], maybe: str) -> str:
    """Give the relation of the rows in parquet files, of which older ones may lack some columns: those are null."""
    paths = ", ".join(literal(file) for file in files)
    lacking = ", ".join(f"cast(null as {kind}) as {column}" for column, kind in _columns(maybe))
    return (
        f"(select * from read_parquet([{paths}], filename = true, hive_partitioning = false, union_by_name = true) "
        f"union all by name select {lacking} where false)"
    )
