"""What files may hold: landing and the recomputation read it alike, or both refuse it.

Each case is read by both, since each has code of its own for it.
"""

import datetime as dt
import gzip
import hashlib
import os
import shutil
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from orchestration.landing import LandingError, land, load_contract
from orchestration.recompute.clock import Clock
from orchestration.recompute.files import read
from orchestration.recompute.settings import RawFileError

# A column of each type of the contract, in a table that has it beside other columns, all optional but the key.
PLACES = {
    "varchar": ("survey_sends", "respondent_id"),
    "bigint": ("accounts", "employee_count"),
    "boolean": ("features", "_is_deleted"),
    "date": ("success_plans", "due_date"),
    "timestamp": ("subscriptions", "ended_at"),
    "decimal(18,4)": ("usage_events", "quantity"),
}
EXACT, NEAR = dt.datetime(2025, 4, 1), dt.datetime(2025, 4, 1, 8, 30, 15, 123456)
FILE_TYPES = {
    "nothing": pa.nulls(2),
    "boolean": pa.array([True, False]),
    **{
        str(kind): pa.array([0, 3, 100], kind)
        for kind in (pa.int8(), pa.int16(), pa.int32(), pa.int64(), pa.uint8(), pa.uint16(), pa.uint32(), pa.uint64())
    },
    "large numbers": pa.array([2**63 - 1, -(2**63), 2**53 + 1]),
    "larger numbers": pa.array([2**63, 2**64 - 1], pa.uint64()),
    "half floats": pa.array([1.5, 3.0], pa.float16()),
    "floats": pa.array([1.5, 3.0, 0.1, 16777216.0, 1e-7, float("nan"), float("inf")], pa.float32()),
    "doubles": pa.array([1.5, 3.0, 0.1, 1e14, 1e15, 1e22, -9.7e-9, 5e-5, 1.00005, float("nan"), float("-inf"), -0.0]),
    "short decimals": pa.array([Decimal("1.50"), Decimal("3.00")], pa.decimal128(5, 2)),
    "decimals": pa.array([Decimal("3.0000"), Decimal("-99999999999999.9999")], pa.decimal128(18, 4)),
    "long decimals": pa.array([Decimal("1.00005"), Decimal("3"), Decimal(10) ** 27], pa.decimal128(38, 8)),
    "decimals of 39 digits": pa.array([Decimal("1.5"), Decimal("3")], pa.decimal256(39, 10)),
    "decimals of more than 38 digits": pa.array([Decimal("1.5"), Decimal("3")], pa.decimal256(50, 10)),
    "text": pa.array(["", " ", "a", "true", "3", "3.0", "1.00005", "2025-04-01", "2025-04-01T09:00:00+09:00", "NULL"]),
    "large text": pa.array(["", "a", "3"], pa.large_string()),
    "text by view": pa.array(["", "a", "3"], pa.string_view()),
    "dictionary": pa.array(["a", "3", "a", "", "true"]).dictionary_encode(),
    "dictionary of numbers": pa.array([3, 4, 3]).dictionary_encode(),
    "bytes": pa.array([b"", b"a", b"3", b"\xff", b"true"]),
    "large bytes": pa.array([b"", b"3"], pa.large_binary()),
    "bytes of one length": pa.array([b"ab", b"33"], pa.binary(2)),
    "days": pa.array([dt.date(2025, 4, 1), dt.date(1, 1, 1), dt.date(9999, 12, 31)]),
    "days in milliseconds": pa.array([dt.date(2025, 4, 1)], pa.date64()),
    "times of day": pa.array([dt.time(9)], pa.time64("us")),
    "times of day in milliseconds": pa.array([dt.time(9)], pa.time32("ms")),
    "durations": pa.array([dt.timedelta(days=1)]),
    **{
        f"timestamps in {unit}{zone and ' of a zone'}": pa.array(
            [EXACT, NEAR if unit in ("us", "ns") else EXACT], pa.timestamp(unit, zone)
        )
        for unit in ("s", "ms", "us", "ns")
        for zone in (None, "Asia/Tokyo")
    },
    "timestamps of year 9999": pa.array([dt.datetime(9999, 12, 31, 23, 59, 59), EXACT], pa.timestamp("us")),
    "uuid": pa.array([uuid.UUID(int=7).bytes, uuid.UUID(int=2**127).bytes], pa.uuid()),
    "json": pa.array(['{"a": 1}', '"b"'], pa.json_(pa.string())),
    "booleans of a byte": pa.ExtensionArray.from_storage(pa.bool8(), pa.array([1, 0], pa.int8())),
    "lists": pa.array([["a"], []]),
    "structures": pa.array([{"a": 1}]),
    "maps": pa.array([[("a", 1)]], pa.map_(pa.string(), pa.int64())),
}
REFUSED_TYPES = (
    "decimals of 39 digits", "decimals of more than 38 digits", "times of day", "times of day in milliseconds", "lists",
    "structures", "maps",
)  # fmt: skip
FIRST_VALUES = {
    "decimals of 39 digits": "1.5000000000",
    "decimals of more than 38 digits": "1.5000000000",
    "lists": "['a']",
}


def sample(data_type: str, name: str) -> str:
    """A text that a required column takes."""
    if name in ("currency", "billing_currency"):
        return "JPY"
    return {"boolean": "false", "bigint": "1", "date": "2025-01-01", "timestamp": "2025-01-01"}.get(data_type, "1")


class Raw:
    """A raw folder with every required table empty, and what each road makes of one table."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "raw"
        self.folder.mkdir()
        for table in load_contract().values():
            if table.required:
                self.write(f"{table.name}.csv", ",".join(column.name for column in table.columns) + "\n")

    def write(self, path: str, content: str | bytes) -> Path:
        file = self.folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content.encode() if isinstance(content, str) else content)
        return file

    def without(self, table: str) -> "Raw":
        (self.folder / f"{table}.csv").unlink(missing_ok=True)
        return self

    def columns(self, table: str, column: str, values: pa.Array) -> pa.Table:
        """Rows of a table with these values in one column."""
        count = len(values)
        found = {}
        for entry in load_contract()[table].columns:
            if entry.name == column:
                found[column] = values
            elif entry.required:
                is_key = entry.name in load_contract()[table].key
                found[entry.name] = [f"{i}" if is_key else sample(entry.data_type, entry.name) for i in range(count)]
        return pa.table(found)

    def landed(self, table: str) -> list[tuple] | str:
        """Values of every column and whether the row is of another type, as landing reads them; or its message."""
        build = self.folder.parent / "build.duckdb"
        try:
            land(self.folder, build, RUN)
        except LandingError as error:
            return str(error)
        columns = [
            f'epoch_us("{column.name}")' if column.data_type == "timestamp" else f'"{column.name}"'
            for column in load_contract()[table].columns
        ]
        with duckdb.connect(":memory:") as connection:
            connection.execute(f"attach '{build}' as keizoku (read_only)")
            marks = "_plain_days, _unparsed is not null"
            query = f"select {', '.join(columns)}, {marks} from keizoku.raw.{table}"
            return sorted(connection.execute(query).fetchall(), key=repr)

    def recomputed(self, table: str) -> list[tuple] | str:
        """The same as the recomputation reads them."""
        try:
            rows, bad = read(self.folder, table, Clock(RUN.time_zone, RUN.as_of_date))
        except RawFileError as error:
            return str(error)
        columns = [column.to_pylist() for column in rows.columns]
        return sorted(zip(*columns, bad.tolist(), strict=True), key=repr)

    def both(self, table: str) -> list[tuple]:
        """What both roads read."""
        landed, recomputed = self.landed(table), self.recomputed(table)
        assert not isinstance(landed, str), landed
        assert landed == recomputed
        return landed

    def refused(self, table: str) -> str:
        """What landing says, when both roads refuse."""
        landed, recomputed = self.landed(table), self.recomputed(table)
        assert isinstance(landed, str), landed
        assert isinstance(recomputed, str), recomputed
        return landed


class RUN:
    """Settings of a run."""

    as_of_date, time_zone, currency = dt.date(2025, 12, 31), "Asia/Tokyo", "JPY"
    build_id, accept_rejects, started_at = "20260101T000000", False, dt.datetime(2026, 1, 1)
    is_simulation = False


@pytest.fixture
def raw(tmp_path: Path) -> Raw:
    """A raw folder in which only the table of the test has rows."""
    return Raw(tmp_path)


def with_a_null(values: pa.Array) -> pa.Array:
    return pa.concat_arrays([values, pa.nulls(1, values.type)])


@pytest.mark.parametrize("data_type", PLACES)
def test_every_type_of_a_parquet_file_is_read_alike_as_every_type_of_the_contract(raw, data_type):
    table, column = PLACES[data_type]
    raw.without(table)
    (raw.folder / table).mkdir()
    for name, values in FILE_TYPES.items():
        if name not in REFUSED_TYPES:
            content = raw.columns(table, column, with_a_null(values))
            pq.write_table(content, raw.folder / table / f"{name.replace('[', ' ')}.parquet")
    end = dt.datetime(9999, 12, 31, 23, 59, 59)
    content = raw.columns(table, column, pa.array([end, EXACT], pa.timestamp("us")))
    pq.write_table(content, raw.folder / table / "96 bits.parquet", use_deprecated_int96_timestamps=True)
    rows = raw.both(table)
    assert len(rows) == sum(len(values) + 1 for name, values in FILE_TYPES.items() if name not in REFUSED_TYPES) + 2
    if data_type == "timestamp":
        assert sum((end - dt.datetime(1970, 1, 1)) // dt.timedelta(microseconds=1) in row for row in rows) == 2


@pytest.mark.parametrize("file_type", REFUSED_TYPES)
def test_types_that_one_of_them_cannot_read_are_refused_by_name_with_a_value(raw, file_type):
    for data_type, (table, column) in PLACES.items():
        raw.without(table)
        pq.write_table(raw.columns(table, column, with_a_null(FILE_TYPES[file_type])), raw.folder / f"{table}.parquet")
        assert isinstance(raw.recomputed(table), str), data_type
    message = raw.landed("usage_events")
    for data_type, (table, column) in PLACES.items():
        assert f"{table}.parquet: the column {column} is " in message
        assert f"Write it as {data_type} or as text." in message
    assert FIRST_VALUES.get(file_type, "(the first: ") in message


# Which files are a table's

FEATURES = "feature_key,is_core,is_high_value\n"


def feature(key: str) -> pa.Table:
    return pa.table({"feature_key": [key], "is_core": [True], "is_high_value": [False]})


def keys(rows: list[tuple]) -> list[str]:
    return [row[0] for row in rows]


def parquet(raw: Raw, path: str, key: str) -> None:
    file = raw.folder / path
    file.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(feature(key), file)


def row(key: str) -> str:
    return f"{FEATURES}{key},true,false\n"


SHAPES = {
    "nested and partitioned folders": {
        "features/part-0.parquet": "a",
        "features/month=2026-10/part-1.parquet": "b",
        "features/month=2026-10/deeper/PART2.PARQUET": "c",
        "features/_SUCCESS": "",
        "features/.part-0.parquet.crc": "x",
        "features/_metadata": "x",
    },
    "a folder of CSV files with columns in another order and optional ones": {
        "features/1.csv": row("a"),
        "features/2.CSV": "is_core,feature_key,source_system,is_high_value\ntrue,b,crm,false\n",
        "features/sub/3.csv.gz": gzip.compress(row("c").encode()),
        "features/4.csv": FEATURES,
    },
    "a folder as Spark writes CSV": {
        "features.csv/part-00000-3f.csv": row("a"),
        "features.csv/part-00001-3f.csv": row("b"),
        "features.csv/_SUCCESS": "",
        "features.csv/.part-00000-3f.csv.crc": "x",
        "features.csv/._SUCCESS.crc": "x",
        "features.csv/part-00002-3f.csv": row("c"),
    },
    "a folder as Spark writes parquet": {
        "features.parquet/part-0.snappy.parquet": "a",
        "features.parquet/part-1.gz.parquet": "b",
        "features.parquet/part-2.c000.parquet": "c",
    },
    "a name of other case, width and with blanks": {" Ｆeatures .Csv": row("a") + "b,true,true\nc,true,false\n"},
    "a file of other case": {"FEATURES.CSV": row("a") + "b,true,true\nc,true,false\n"},
    "one compressed file": {"features.csv.gz": gzip.compress((row("a") + "b,true,true\nc,true,false\n").encode())},
}


def build(raw: Raw, shape: dict[str, str | bytes]) -> None:
    for path, content in shape.items():
        if path.lower().endswith(".parquet") and isinstance(content, str) and len(content) == 1:
            parquet(raw, path, content)
        else:
            raw.write(path, content)


@pytest.mark.parametrize("shape", SHAPES)
def test_files_of_a_table_are_read_whatever_their_shape(raw, shape):
    build(raw, SHAPES[shape])
    assert keys(raw.both("features")) == ["a", "b", "c"]
    with duckdb.connect(str(raw.folder.parent / "build.duckdb"), read_only=True) as connection:
        files = connection.execute(
            "select path, row_count, byte_count, content_hash from state.raw_files where table_name = 'features'"
        ).fetchall()
    expected = [path for path in SHAPES[shape] if path.rpartition("/")[2][0] not in "._"]
    assert sorted(path for path, *_ in files) == sorted(expected)
    assert sum(rows for _, rows, _, _ in files) == 3
    for path, _, size, content_hash in files:
        content = (raw.folder / path).read_bytes()
        assert (size, content_hash) == (len(content), hashlib.sha256(content).hexdigest())


DOUBTS = {
    "a file beside a folder": (
        {"features.csv": row("a"), "features/part-2.csv": row("b")},
        "features: found as features and features.csv. Keep one of them.",
    ),
    "two cases of one name": ({"features.csv": row("a"), "Features.csv": row("b")}, "found as Features.csv and feat"),
    "two kinds in a folder": (
        {"features/1.csv": row("a"), "features/2.parquet": "b"},
        "features/: holds both .csv and .parquet files (features/1.csv and features/2.parquet). Keep one kind.",
    ),
    "one file twice": (
        {"features/1.csv": row("a"), "features/1.csv.gz": gzip.compress(row("a").encode())},
        "features/: holds 1.csv and 1.csv.gz, probably the same rows. Keep one of them.",
    ),
    "another kind of file": ({"features.xlsx": "x"}, "features.xlsx: files of this kind are not read. Save it as"),
    "another kind of file in a folder": (
        {"features/1.csv": row("a"), "features/2.csv.bak": "x"},
        "features/2.csv.bak: files of this kind are not read.",
    ),
    "a Delta table": (
        {"features/1.parquet": "a", "features/_delta_log/0.json": "{}"},
        "features/: a Delta table, whose files are not all in force (_delta_log). Export it as plain files.",
    ),
    "a job that is not done": ({"features/1.csv": row("a"), "features/_temporary/0": ""}, "still being written"),
    "an empty folder": ({"features/_SUCCESS": ""}, "features/: the folder holds no .parquet or .csv file."),
    "a column in a folder's name": (
        {"features/source_system=crm/1.csv": row("a")},
        "the column source_system stands only in the name of the folder source_system=crm. Write it into the files",
    ),
    "a broken archive": ({"features.csv.gz": gzip.compress(row("a").encode())[:-9]}, "not a complete gzip file"),
}


@pytest.mark.parametrize("doubt", DOUBTS)
def test_files_that_cannot_be_read_or_may_be_the_same_stop_the_run(raw, doubt):
    shape, message = DOUBTS[doubt]
    build(raw, shape)
    assert message in raw.refused("features")


def test_links_to_nowhere_and_in_circles_stop_the_run(raw):
    (raw.folder / "features.csv").symlink_to("/nowhere/features.csv")
    assert "features.csv: a link to /nowhere/features.csv, which is not there." in raw.refused("features")
    (raw.folder / "features.csv").unlink()
    raw.write("features/1.csv", row("a"))
    (raw.folder / "features" / "again").symlink_to(raw.folder / "features")
    assert "features/again: a link to a folder that it lies in. Remove the link." in raw.refused("features")
    (raw.folder / "features" / "again").unlink()
    (raw.folder.parent / "elsewhere").mkdir()
    (raw.folder.parent / "elsewhere" / "2.csv").write_text(row("b"))
    (raw.folder / "features" / "more").symlink_to(raw.folder.parent / "elsewhere")
    assert keys(raw.both("features")) == ["a", "b"]


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("features_2026.csv", "carries the name of the table features, and is not it. Rename it, "),
        ("Copy of features (1).csv", "carries the name of the table features"),
        ("export/features.csv", "export/features.csv: a table inside a folder of another name is not read. Move it to"),
        ("export/2026/features/1.parquet", "export/2026/features: a table inside a folder of another name"),
        ("featuers.csv", "featuers.csv: no table has this name; is it features? Rename it, "),
        ("SubscriptionPause.csv", "no table has this name; is it subscription_pauses?"),
    ],
)
def test_what_carries_a_tables_name_or_nearly_so_is_not_passed_over(raw, path, message):
    raw.write(path, row("a"))
    assert message in raw.landed("features")


def test_other_files_are_passed_over_and_listed(raw):
    for path in ("README.md", "featureless.csv", "_features.csv", ".features.csv", "notes/todo.txt"):
        raw.write(path, row("a"))
    assert raw.both("features") == []
    with duckdb.connect(str(raw.folder.parent / "build.duckdb"), read_only=True) as connection:
        (unknown,) = connection.execute(
            "select list(path order by path) from state.raw_files where table_name is null"
        ).fetchone()
    assert unknown == ["README.md", "_features.csv", "featureless.csv", "notes"]


@contextmanager
def nobody() -> Iterator[None]:
    """Without the rights of root, whom no file is closed to."""
    if os.geteuid() == 0:
        os.seteuid(65534)
    try:
        yield
    finally:
        if os.getuid() == 0:
            os.seteuid(0)


@pytest.mark.parametrize("path", ["features.csv", "features/1.parquet", "features/closed/1.csv"])
def test_what_may_not_be_read_is_said_to_be_so(path):
    place = Path(tempfile.mkdtemp())
    place.chmod(0o777)
    raw = Raw(place)
    raw.write(path, row("a"))
    closed = raw.folder / path if "closed" not in path else (raw.folder / path).parent
    closed.chmod(0)
    with nobody():
        message = raw.refused("features")
    assert f"{closed.relative_to(raw.folder).as_posix()}" in message
    assert "this user may not read it. Grant the right to read it" in message
    closed.chmod(0o700)
    shutil.rmtree(place)


# What headers say


@pytest.mark.parametrize(
    "mark", ["Feature_Key", " feature_key", "feature_key\u00a0", "ＦＥＡＴＵＲＥ＿ＫＥＹ", "feature\u200b_key"]
)
def test_headers_are_matched_without_blanks_case_and_width(raw, mark):
    raw.write("features.csv", f"{mark},IS_CORE, is_high_value\na,true,false\n")
    assert keys(raw.both("features")) == ["a"]
    raw.without("features")
    pq.write_table(feature("a").rename_columns([mark, "IS_CORE", " is_high_value"]), raw.folder / "features.parquet")
    assert keys(raw.both("features")) == ["a"]


def test_two_headers_that_are_one_stop_the_run(raw):
    raw.write("features.csv", "feature_key,is_core, Is_Core,is_high_value\na,true,true,false\n")
    expected = "features.csv: the column is_core stands more than once in the header (is_core, ' Is_Core'). Keep one."
    assert expected in raw.refused("features")
    raw.without("features")
    twice = feature("a").append_column("IS_CORE", pa.array([False]))
    pq.write_table(twice, raw.folder / "features.parquet")
    assert "the column is_core stands more than once in the header" in raw.refused("features")


@pytest.mark.parametrize(
    ("column", "meant"),
    [
        ("discount_amout", "discount_amount"),
        ("discountAmount", "discount_amount"),
        ("Discount-Kind", "discount_kind"),
        ("vaild_to", "valid_to"),
        ("recorded at", "recorded_at"),
        ("is_deleted", "_is_deleted"),
    ],
)
def test_a_column_that_is_nearly_one_of_the_contract_stops_the_run(raw, column, meant):
    header = "item_version_id,subscription_item_id,subscription_id,product_id,billing_interval,interval_count,quantity"
    raw.write("subscription_item_versions.csv", f"{header},unit_amount,currency,valid_from,{column}\n")
    message = raw.landed("subscription_item_versions")
    assert f"column {column if column.isidentifier() else repr(column)} is unknown, and nearly {meant}." in message


def test_other_columns_are_listed(raw):
    raw.write("features/1.csv", "feature_key,is_core,is_high_value,Owner,owner_mail\na,true,false,x,y\n")
    raw.write("features/2.csv", "feature_key,is_core,is_high_value,colour\nb,true,false,x\n")
    assert keys(raw.both("features")) == ["a", "b"]
    with duckdb.connect(str(raw.folder.parent / "build.duckdb"), read_only=True) as connection:
        assert connection.execute("from state.unknown_columns order by all").fetchall() == [
            ("features", "features/1.csv", "Owner"),
            ("features", "features/1.csv", "owner_mail"),
            ("features", "features/2.csv", "colour"),
        ]


# CSV files


@pytest.mark.parametrize("end", ["", "\n", "\r\n", "\r"])
def test_a_header_alone_is_an_empty_table_whatever_ends_it(raw, end):
    raw.write("features.csv", FEATURES.strip() + end)
    assert raw.both("features") == []
    raw.write("features.csv", (FEATURES.strip() + end).encode("utf-8-sig"))
    assert raw.both("features") == []


def test_long_cells_are_read(raw):
    cell = "é" * 6_000_000
    raw.write("features.csv", f"{FEATURES}a,true,false\n{cell},true,true\nb,true,false\n")
    assert {key[:1]: len(key) for key in keys(raw.both("features"))} == {"a": 1, "b": 1, "é": len(cell)}


def test_empty_text_is_no_value_in_any_format(raw):
    raw.without("accounts")
    content = raw.columns("accounts", "parent_account_id", pa.array(["", "x", None]))
    pq.write_table(content, raw.folder / "accounts.parquet")
    parents = [row[2] for row in raw.both("accounts")]
    assert sorted(parents, key=str) == [None, None, "x"]
    raw.without("accounts")
    (raw.folder / "accounts.parquet").unlink()
    raw.write(
        "accounts.csv",
        "account_id,account_name,parent_account_id,billing_currency,is_internal,created_at\n"
        'a,A,"",JPY,false,2025-01-01\nb,B,x,JPY,false,2025-01-01\n',
    )
    assert [row[2] for row in raw.both("accounts")] == [None, "x"]


def test_words_of_other_systems_are_read_as_those_of_the_contract_and_listed(raw):
    header = "subscription_id,account_id,status,started_at\n"
    words = ("Active", "cancelled", "in_trial", " PAST DUE ", "non-renewing", "incomplete_expired", "unheard of")
    rows = "".join(f"s{number},a,{word},2025-01-01\n" for number, word in enumerate(words))
    raw.write("subscriptions.csv", header + rows)
    raw.write(
        "exchange_rates.csv", "rate_date,base_currency,quote_currency,rate_type,rate\n2025-01-01,usd, jpy,Plan,150\n"
    )
    found = {row[0]: row[2] for row in raw.both("subscriptions")}
    meant = ("active", "canceled", "trialing", "past_due", "active", "canceled", "unheard of")
    assert found == {f"s{number}": word for number, word in enumerate(meant)}
    assert [row[1:3] for row in raw.both("exchange_rates")] == [("USD", "JPY")]
    with duckdb.connect(str(raw.folder.parent / "build.duckdb"), read_only=True) as connection:
        listed = connection.execute(
            "select word, read_as, row_count from state.folded_words where table_name = 'subscriptions' order by 1"
        ).fetchall()
        codes = connection.execute(
            "select column_name, word, read_as from state.folded_words where read_as in ('USD', 'JPY') order by 1"
        ).fetchall()
    assert set(listed) == {(word, as_read, 1) for word, as_read in zip(words, meant, strict=True) if word != as_read}
    assert codes == [("base_currency", "usd", "USD"), ("quote_currency", " jpy", "JPY")]
    pq.write_table(
        pa.table(
            {"subscription_id": ["s"], "account_id": ["a"], "status": ["cancelled"], "started_at": ["2025-01-01"]}
        ),
        raw.without("subscriptions").folder / "subscriptions.parquet",
    )
    assert [row[2] for row in raw.both("subscriptions")] == ["canceled"]
