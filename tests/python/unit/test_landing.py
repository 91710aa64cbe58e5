"""Landing: whatever people put into the raw folder becomes typed tables, or one message that says what to do."""

import datetime as dt
import json
import os
import subprocess
import sys
from decimal import Decimal
from types import SimpleNamespace

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from orchestration.landing import LandingError, changed_files, land, load_contract

SETTINGS = SimpleNamespace(
    as_of_date=dt.date(2025, 12, 31),
    time_zone="Asia/Tokyo",
    currency="JPY",
    build_id="20260101T000000",
    accept_rejects=False,
    started_at=dt.datetime(2026, 1, 1),
    is_simulation=False,
)
FEATURES = "feature_key,is_core,is_high_value\n"
PRODUCTS = "product_id,product_name,product_family,tier_rank,is_recurring,is_metered\n"
EVENTS = "event_id,account_id,feature_key,occurred_at,quantity\n"
LEDGER = "period,ledger_account,currency,amount\n"


class RawFolder:
    """A raw folder that starts with every required table empty, and what lands from it."""

    def __init__(self, folder, build_file):
        self.folder, self.build_file = folder, build_file
        folder.mkdir(parents=True)
        for table in load_contract().values():
            if table.required:
                self.csv(table.name, ",".join(column.name for column in table.columns) + "\n")

    def csv(self, table, text, encoding="utf-8"):
        self.remove(table)
        (self.folder / f"{table}.csv").write_bytes(text if isinstance(text, bytes) else text.encode(encoding))

    def parquet(self, path, columns):
        file = self.folder / path
        file.parent.mkdir(exist_ok=True)
        self.remove(path.partition("/")[0].partition(".")[0])
        pq.write_table(pa.table(columns), file)

    def remove(self, table):
        (self.folder / f"{table}.csv").unlink(missing_ok=True)

    def land(self):
        return land(self.folder, self.build_file, SETTINGS)

    def read(self, query):
        """Land and read the build file as dbt does: attached as keizoku, by another connection."""
        self.report = self.land()
        with duckdb.connect(":memory:") as connection:
            connection.execute("set TimeZone = 'UTC'")
            connection.execute(f"attach '{str(self.build_file).replace(chr(39), chr(39) * 2)}' as keizoku (read_only)")
            return connection.execute(query).fetchall()

    def refusal(self):
        with pytest.raises(LandingError) as refused:
            self.land()
        assert not self.build_file.exists()
        return str(refused.value)


@pytest.fixture
def raw(tmp_path):
    """A raw folder in which only the table of the test has rows."""
    return RawFolder(tmp_path / "raw", tmp_path / "home" / "build.duckdb")


# What arrives


def test_every_table_of_the_contract_lands_with_its_columns_and_types(raw):
    found = raw.read(
        "select table_name, column_name, lower(data_type) from information_schema.columns"
        " where table_schema = 'raw' order by table_name, ordinal_position"
    )
    expected = []
    for name, table in sorted(load_contract().items()):
        expected += [(name, column.name, column.data_type) for column in table.columns]
        expected += [(name, "_unparsed", "varchar"), (name, "_plain_days", "varchar"), (name, "_row", "varchar")]
    assert found == expected
    assert "features" in raw.report.missing_tables
    assert "accounts" not in raw.report.missing_tables


def test_the_settings_of_the_run_are_one_row(raw):
    assert raw.read("from keizoku.state.run_settings") == [
        (dt.date(2025, 12, 31), "Asia/Tokyo", "JPY", "20260101T000000", False, dt.datetime(2026, 1, 1), False)
    ]


def test_a_file_with_a_header_only_is_an_empty_table(raw):
    raw.csv("features", "feature_key,is_core,is_high_value")
    assert raw.read("select count(*) from keizoku.raw.features") == [(0,)]
    assert "features" not in raw.report.missing_tables


@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
def test_csv_with_or_without_bom_and_with_any_line_end(raw, line_end, encoding):
    text = FEATURES + "見積,true,false\n\nレポート,false,true"
    raw.csv("features", text.replace("\n", line_end), encoding)
    rows = raw.read("select feature_key, is_core, is_high_value from keizoku.raw.features")
    assert rows == [("見積", True, False), ("レポート", False, True)]


def test_csv_quotes_hold_commas_line_breaks_and_quotes(raw):
    raw.csv("features", FEATURES + '"a, ""b""\nc",true,true\n "x",true,true\n"\'; drop table x --",true,true\n')
    assert raw.read("select feature_key from keizoku.raw.features") == [
        ('a, "b"\nc',),
        (' "x"',),
        ("'; drop table x --",),
    ]


def test_csv_columns_come_in_any_order_and_others_are_ignored_and_listed(raw):
    odd = "x\"'); drop schema raw; --"
    raw.csv(
        "features", f'is_high_value,"{odd.replace(chr(34), chr(34) * 2)}",feature_key,is_core,,\nfalse,1,f,true,2,3\n'
    )
    assert raw.read("select feature_key, is_core, is_high_value from keizoku.raw.features") == [("f", True, False)]
    assert raw.report.extra_columns == {"features": ("", odd)}


def test_empty_is_null_quoted_or_not_and_absent_optional_columns_are_null(raw):
    raw.csv("usage_events", EVENTS + 'e,"",f,2025-01-01,\n')
    query = "select account_id, quantity, user_id, _unparsed from keizoku.raw.usage_events"
    assert raw.read(query) == [(None, None, None, None)]
    events = next(table for table in raw.report.tables if table.name == "usage_events")
    assert (events.kind, [file.path for file in events.files], events.rows) == ("csv", ["usage_events.csv"], 1)
    assert "user_id" in events.missing_columns


def test_a_huge_cell_and_a_very_wide_file_land(raw):
    wide = ",".join(f"column_{number}" for number in range(20_000))
    raw.csv("features", f"feature_key,is_core,is_high_value,{wide}\n{'x' * 10_000_000},true,true{',' * 20_000}\n")
    assert raw.read("select length(feature_key) from keizoku.raw.features") == [(10_000_000,)]
    assert len(raw.report.extra_columns["features"]) == 20_000


# How text is read


def parsed(raw, table, header, line, column, texts):
    """Land one row for each text and return what became of it; a null must be named in `_unparsed`, with its text."""
    raw.csv(table, header + "".join(line.format(text) + "\n" for text in texts))
    rows = raw.read(f"select json_extract_string(_row, '{column}'), {column}, _unparsed from keizoku.raw.{table}")
    assert [(original, unparsed) for original, _, unparsed in rows] == [
        (text, column) if value is None else (None, None) for text, (_, value, _) in zip(texts, rows, strict=True)
    ]
    return {text: value for text, (_, value, _) in zip(texts, rows, strict=True)}


def test_booleans_are_true_and_false_only(raw):
    expected = {"true": True, "FALSE": False, "yes": None, "1": None, "t": None, " true": None}
    assert parsed(raw, "features", FEATURES, "f,{},true", "is_core", expected) == expected


def test_integers_are_whole(raw):
    expected = {
        "3": 3,
        "-3": -3,
        "+3.00": 3,
        "007": 7,
        "9223372036854775807.0": 9223372036854775807,
        "2.6": None,
        "9223372036854775808": None,
        "1e3": None,
        "1_000": None,
        "1,000": None,
        "3 ": None,
        "٣": None,
    }
    assert parsed(raw, "products", PRODUCTS, 'p,P,f,"{}",true,false', "tier_rank", expected) == expected


def test_decimals_are_rounded_half_away_from_zero_and_counted(raw):
    expected = {
        "12": Decimal("12"),
        "-0.5": Decimal("-0.5"),
        ".5": Decimal("0.5"),
        "1.00010": Decimal("1.0001"),
        "99999999999999.9999": Decimal("99999999999999.9999"),
        "99999999999999.99995": None,
        "100000000000000": None,
        "1e5": None,
        "1,5": None,
        "¥100": None,
        "NaN": None,
        "--1": None,
        ".": None,
    }
    line = '2025-01-01,sales,JPY,"{}"'
    assert parsed(raw, "revenue_ledger", LEDGER, line, "amount", expected) == expected
    assert raw.report.rounded_decimals == {}
    rounded = {
        "1.00005": Decimal("1.0001"),
        "-1.00005": Decimal("-1.0001"),
        "1.000049999999999999999999999999999999999999": Decimal("1"),
    }
    assert parsed(raw, "revenue_ledger", LEDGER, line, "amount", expected | rounded) == expected | rounded
    assert raw.report.rounded_decimals == {"revenue_ledger.amount": 3}


def test_dates_are_days(raw):
    expected = {
        "2025-01-31": dt.date(2025, 1, 31),
        "2025-01-31 00:00:00": dt.date(2025, 1, 31),
        "2025-01-31T00:00:00.000": dt.date(2025, 1, 31),
        "2024-02-29": dt.date(2024, 2, 29),
        "9999-12-31": dt.date(9999, 12, 31),
        "2025-02-30": None,
        "0000-01-01": None,
        "2025-01-31 09:00:00": None,
        "2025-01-31T00:00:00+09:00": None,
        "2025/01/31": None,
        "31.01.2025": None,
        "2025-1-31": None,
        "infinity": None,
    }
    assert parsed(raw, "revenue_ledger", LEDGER, "{},sales,JPY,1", "period", expected) == expected


def test_timestamps_become_utc(raw):
    expected = {
        "2025-04-01": dt.datetime(2025, 3, 31, 15),  # a day of Tokyo
        "2025-04-01 08:30": dt.datetime(2025, 4, 1, 8, 30),
        "2025-04-01T08:30:15Z": dt.datetime(2025, 4, 1, 8, 30, 15),
        "2025-04-01T08:30:15.5": dt.datetime(2025, 4, 1, 8, 30, 15, 500_000),
        "2025-04-01T23:59:59.9999999": dt.datetime(2025, 4, 1, 23, 59, 59, 999_999),
        "2025-04-01T00:30:00+09:00": dt.datetime(2025, 3, 31, 15, 30),
        "2025-04-01 00:30:00.1234567-0930": dt.datetime(2025, 4, 1, 10, 0, 0, 123_456),
        "2025-04-01T00:30-00:45": dt.datetime(2025, 4, 1, 1, 15),
        "9999-12-31 23:59:59": dt.datetime(9999, 12, 31, 23, 59, 59),
        "9999-12-31T23:59:59-01:00": None,
        "0001-01-01T00:00:00+01:00": None,
        "0000-12-31T00:00:00": None,
        "2025-02-30": None,
        "2025-02-29T10:00+09:00": None,
        "2025-04-01 24:00": None,
        "2025-04-01 10:00:60": None,
        "2025-04-01 10": None,
        "2025-04-01T10:00:00+09": dt.datetime(2025, 4, 1, 1, 0),
        "2025-04-01T10:00:00 UTC": None,
        "2025-04-01T10:00:00Asia/Tokyo": None,
        "04/01/2025 10:00": None,
        "1743465600": None,
    }
    assert parsed(raw, "usage_events", EVENTS, "e,a,f,{},1", "occurred_at", expected) == expected


def test_all_unparsed_columns_are_named_and_the_row_keeps_its_text(raw):
    raw.csv("features", 'is_high_value,extra,is_core,feature_key\nno,1,"yes, ""sir""",f\n')
    ((core, high_value, unparsed, row),) = raw.read(
        "select is_core, is_high_value, _unparsed, _row from keizoku.raw.features"
    )
    assert (core, high_value, unparsed) == (None, None, "is_core is_high_value")
    standard = {"source_system": None, "_loaded_at": None, "_updated_at": None, "_is_deleted": None}
    assert json.loads(row) == {"feature_key": "f", "is_core": 'yes, "sir"', "is_high_value": "no", **standard}
    assert list(json.loads(row)) == [column.name for column in load_contract()["features"].columns]


# Parquet


def usage(**columns):
    events = {
        "event_id": ["e"],
        "account_id": ["a"],
        "feature_key": ["f"],
        "occurred_at": pa.array([dt.datetime(2025, 4, 1)], pa.timestamp("us")),
    }
    return events | columns


def converted(raw, table, columns, column, cases):
    """Land a folder with one file, of its own type, for each case; return what became of each."""
    key = load_contract()[table].columns[0].name
    for number, (values, _) in enumerate(cases):
        raw.parquet(f"{table}/{number:02}.parquet", columns | {key: [f"{number:02}"], column: values})
    rows = raw.read(f"select {column}, _unparsed from keizoku.raw.{table} order by {key}")
    assert [unparsed for _, unparsed in rows] == [column if value is None else None for value, _ in rows]
    return [value for value, _ in rows]


def test_parquet_is_read_in_place_and_as_it_is_where_its_types_are_those_of_the_contract(raw):
    raw.parquet("usage_events.parquet", usage(quantity=pa.array([Decimal("1.5000")], pa.decimal128(18, 4))))
    ((kind, definition),) = raw.read(
        "select (select table_type from information_schema.tables where table_name = 'usage_events'), sql"
        " from duckdb_views() where view_name = 'usage_events'"
    )
    assert kind == "VIEW"
    assert "regexp" not in definition
    assert "try_cast" not in definition.lower()
    assert [table.rows for table in raw.report.tables if table.name == "usage_events"] == [1]


def test_views_work_from_another_folder_and_process(raw, tmp_path):
    raw.parquet("usage_events.parquet", usage())
    raw.land()
    query = "print(c.execute('select count(*) from keizoku.raw.usage_events').fetchone()[0])"
    program = f"import duckdb; c = duckdb.connect(); c.execute(\"attach '{raw.build_file}' as keizoku\"); {query}"
    other = subprocess.run([sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True)
    assert other.stdout.strip() == "1", other.stderr


def test_parquet_numbers_become_decimals(raw):
    cases = [
        (pa.array([3], pa.int32()), Decimal("3")),
        (pa.array([2**62], pa.int64()), None),
        (pa.array([0.1], pa.float32()), Decimal("0.1")),
        (pa.array([1e14], pa.float64()), None),
        (pa.array([float("nan")]), None),
        (pa.array([float("-inf")]), None),
        (pa.array([Decimal("1.10")], pa.decimal128(10, 2)), Decimal("1.1")),
        (pa.array([Decimal("99999999999999.99995")], pa.decimal128(38, 5)), None),
        (pa.array(["1e3"]), None),
        (pa.array([b"2.5"]), Decimal("2.5")),
        (pa.array([b"\xff"]), None),
        (pa.array([True]), None),
    ]
    assert converted(raw, "usage_events", usage(), "quantity", cases) == [value for _, value in cases]
    assert raw.report.rounded_decimals == {}
    cases += [
        (pa.array([1.00005], pa.float64()), Decimal("1.0001")),
        (pa.array([5e-05], pa.float64()), Decimal("0.0001")),
        (pa.array([-9.7e-09], pa.float64()), Decimal("0")),
        (pa.array([Decimal("-1.00005")], pa.decimal128(38, 5)), Decimal("-1.0001")),
        (pa.array(["1.00005"]), Decimal("1.0001")),
    ]
    assert converted(raw, "usage_events", usage(), "quantity", cases) == [value for _, value in cases]
    assert raw.report.rounded_decimals == {"usage_events.quantity": 5}


def test_parquet_numbers_become_integers_only_when_whole(raw):
    cases = [
        (pa.array([3], pa.uint8()), 3),
        (pa.array([3.0]), 3),
        (pa.array([2.6]), None),
        (pa.array([float("nan")]), None),
        (pa.array([2**63], pa.uint64()), None),
        (pa.array([Decimal("3.00")]), 3),
        (pa.array([Decimal("2.60")]), None),
        (pa.array(["3.0"]), 3),
        (pa.array([dt.date(2025, 1, 1)]), None),
    ]
    product = {"product_name": ["P"], "product_family": ["f"], "is_recurring": [True], "is_metered": ["FALSE"]}
    assert converted(raw, "products", product, "tier_rank", cases) == [value for _, value in cases]


def test_parquet_times_become_utc(raw):
    cases = [
        (
            pa.array([dt.datetime(2025, 3, 31, 15, 30)], pa.timestamp("us", "Asia/Tokyo")),
            dt.datetime(2025, 3, 31, 15, 30),
        ),
        (pa.array([1999], pa.timestamp("ns")), dt.datetime(1970, 1, 1, 0, 0, 0, 1)),
        (pa.array([1999], pa.timestamp("ns", "UTC")), dt.datetime(1970, 1, 1, 0, 0, 0, 1)),
        (pa.array([1], pa.timestamp("s")), dt.datetime(1970, 1, 1, 0, 0, 1)),
        (pa.array([dt.date(2025, 4, 1)]), dt.datetime(2025, 3, 31, 15)),
        (pa.array(["2025-04-01T00:30:00+09:00"]), dt.datetime(2025, 3, 31, 15, 30)),
        (pa.array(["2025-02-30"]), None),
        (pa.array([1743465600]), None),
    ]
    assert converted(raw, "usage_events", usage(), "occurred_at", cases) == [value for _, value in cases]


def test_parquet_times_become_dates_only_at_midnight(raw):
    cases = [
        (pa.array([dt.datetime(2025, 1, 1)]), dt.date(2025, 1, 1)),
        (pa.array([dt.datetime(2025, 1, 1, 9)]), None),
        (pa.array([dt.datetime(2024, 12, 31, 15)], pa.timestamp("us", "UTC")), None),
        (pa.array(["2025-01-01"]), dt.date(2025, 1, 1)),
    ]
    contract = {"account_id": ["a"], "start_date": ["2025-01-01"], "auto_renew": [True], "currency": ["JPY"]}
    columns = contract | {"annual_amount": pa.array([1])}
    assert converted(raw, "contracts", columns, "end_date", cases) == [value for _, value in cases]


def test_parquet_keys_become_text_that_meets_the_same_key_elsewhere(raw):
    cases = [
        (pa.array([7]), "7"),
        (pa.array([7.0]), "7"),
        (pa.array([7.5]), "7.5"),
        (pa.array([float("nan")]), None),
        (pa.array([b"key"]), "key"),
        (pa.array(["key"]).dictionary_encode(), "key"),
        (pa.array([dt.date(2025, 1, 1)]), "2025-01-01"),
    ]
    assert converted(raw, "usage_events", usage(), "account_id", cases) == [value for _, value in cases]


def test_nulls_of_any_parquet_type_are_null_and_not_unparsed(raw):
    columns = {"quantity": pa.nulls(2, pa.float64()), "user_id": pa.nulls(2), "account_id": pa.nulls(2, pa.int64())}
    times = pa.nulls(2, pa.string())
    raw.parquet(
        "usage_events.parquet", {"event_id": ["a", "b"], "feature_key": ["f", "g"], "occurred_at": times} | columns
    )
    query = "select quantity, user_id, account_id, occurred_at, _unparsed from keizoku.raw.usage_events"
    assert raw.read(query) == [(None,) * 5] * 2


def test_a_parquet_row_keeps_its_values(raw):
    raw.parquet("usage_events.parquet", usage(quantity=[float("nan")], extra=[1], user_id=[b"\xff"]))
    ((row,),) = raw.read("select _row from keizoku.raw.usage_events")
    assert json.loads(row) == {
        "event_id": "e",
        "account_id": "a",
        "user_id": "\\xFF",
        "feature_key": "f",
        "occurred_at": "2025-04-01 00:00:00",
        "quantity": "nan",
        "source_system": None,
        "_loaded_at": None,
        "_updated_at": None,
        "_is_deleted": None,
    }


def test_a_folder_of_parquet_files_is_one_table_even_when_their_types_differ(raw):
    raw.parquet("usage_events/part-1.parquet", usage(quantity=["1.5"], extra=[1]))
    raw.parquet("usage_events/part-2.parquet", dict(reversed(usage(event_id=["f"], quantity=[2.5]).items())))
    raw.parquet("usage_events/part-3.parquet", usage(event_id=["g"]))
    raw.parquet("usage_events/_metadata.parquet", {"not": ["a part"]})
    rows = raw.read("select event_id, quantity, _unparsed from keizoku.raw.usage_events order by event_id")
    assert rows == [("e", Decimal("1.5"), None), ("f", Decimal("2.5"), None), ("g", None, None)]
    events = next(table for table in raw.report.tables if table.name == "usage_events")
    assert (events.rows, events.extra_columns) == (3, ("extra",))
    assert [file.path for file in events.files] == [f"usage_events/part-{number}.parquet" for number in (1, 2, 3)]


@pytest.mark.parametrize("name", ["it's", 'say "hi"', "data[1]", "st*r", "is_core=false", "売上 2025"])
def test_folders_may_have_any_name(tmp_path, name):
    decoy = RawFolder(tmp_path / "data1", tmp_path / "decoy.duckdb")
    decoy.parquet("features.parquet", {"feature_key": ["decoy"], "is_core": [False], "is_high_value": [False]})
    raw = RawFolder(tmp_path / name, tmp_path / name / "build" / "build.duckdb")
    raw.parquet("features.parquet", {"feature_key": ["f"], "is_core": [True], "is_high_value": [True]})
    raw.csv("usage_events", EVENTS + "e,a,f,2025-04-01,1\n")
    assert raw.read("select feature_key, is_core from keizoku.raw.features") == [("f", True)]


# What cannot be used: one message that names the place and the remedy


def test_all_that_is_missing_is_said_at_once(raw):
    raw.remove("accounts")
    raw.csv("acounts", "account_id\n")
    raw.csv("products", "product_id,Produt_Name,product_family,tier_rank,is_recurring\n")
    raw.csv("features", "feature_key,is_core\n")
    raw.parquet("users.parquet", {"user_id": ["u"], "is_internal": [False], "activated_at": ["2025-01-01"]})
    message = raw.refusal()
    assert str(raw.folder) in message
    for line in (
        "accounts: the required table is missing. Add accounts.csv, accounts.csv.gz, accounts.parquet or a folder ",
        "acounts.csv: no table has this name; is it accounts? Rename it",
        "products.csv: lacks the required columns product_name, is_metered; it has product_id, Produt_Name, ",
        "Is Produt_Name meant to be product_name? Add or rename.",
        "features.csv: lacks the required column is_high_value; ",
        "users.parquet: lacks the required column account_id; ",
        "no table has such a name: 'acounts.csv'",
    ):
        assert line in message


def test_a_missing_raw_folder(tmp_path):
    with pytest.raises(LandingError, match=r"nowhere does not exist. Point KEIZOKU_RAW at"):
        land(tmp_path / "nowhere", tmp_path / "build.duckdb", SETTINGS)


def test_a_table_in_two_forms(raw):
    raw.parquet("features.parquet", {"feature_key": ["f"], "is_core": [True], "is_high_value": [True]})
    raw.csv("features", FEATURES)
    assert "features: found as features.csv and features.parquet. Keep one of them." in raw.refusal()


def test_folders_without_parquet_files(raw):
    (raw.folder / "features").mkdir()
    (raw.folder / "users.parquet").mkdir()
    message = raw.refusal()
    assert "features/: the folder holds no .parquet or .csv file. Fill or remove it." in message
    assert "users.parquet/: the folder holds no .parquet or .csv file. Fill or remove it." in message


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        (b"", "features.csv: no header line. Its first line must name the columns."),
        (b"\n\n", "features.csv: no header line."),
        (FEATURES.replace(",", ";"), "features.csv: its fields are separated by ';'. Separate them by commas."),
        (b"\x1f\x8b\x08\x00\xff", "features.csv: compressed by gzip. Rename it to .csv.gz."),
        (b"PK\x03\x04rest", "features.csv: an Excel workbook or a zip archive under the name of a CSV file."),
        (b"PAR1rest", "features.csv: a parquet file under the name of a CSV file. Rename it to .parquet."),
        (b"\xff,\xff\n", "features.csv, line 1: not UTF-8 (perhaps Windows-1252"),
        ((FEATURES + "P\xe9rez,true,true\n").encode("cp1252"), "features.csv, line 2: not UTF-8 (perhaps Windows-1252"),
        ((FEATURES + "見積,true,true\n").encode("euc_jp"), "features.csv, line 2: the file is EUC-JP, not UTF-8."),
        (FEATURES.encode("utf-16"), "features.csv: the file is UTF-16, not UTF-8. Save it as UTF-8."),
        (FEATURES.encode("utf-16-le"), "features.csv: the file is UTF-16, not UTF-8."),
        (
            (FEATURES + "見積,true,true\n").encode("cp932"),
            "features.csv, line 2: the file is Shift_JIS (CP932), as Excel in Japanese saves CSV files, not UTF-8. "
            "Save it as UTF-8. In Excel: File > Save As > CSV UTF-8 (comma delimited).",
        ),
        ((FEATURES + "f,true,true\n見積").encode()[:-1], "features.csv, line 3: a character is broken, in a file that"),
        (
            FEATURES + 'f,true,true\n"two\nlines",true,true\ng,true\nh,true,true\n',
            "features.csv, line 5: 2 fields where the header has 3. Put double quotes around",
        ),
        (FEATURES + "f,true,true,\n", "features.csv, line 2: 4 fields where the header has 3."),
        (FEATURES + "f,true,true,x\n" * 5000, "features.csv, line 2: 4 fields where the header has 3."),
        (FEATURES + 'f,true,true\n"g"h,true,true\n', "features.csv, line 3: a double quote is out of place"),
        (FEATURES + 'f,true,true\n"g,true,true\nh,true,true\n', "features.csv, line 3: a double quote is out of place"),
        ('"' + FEATURES, "features.csv, line 1: a double quote is out of place"),
        (
            "is_core," + FEATURES,
            "features.csv: the column is_core stands more than once in the header (is_core, is_core). Keep one.",
        ),
    ],
)
def test_a_csv_file_that_cannot_be_read(raw, content, fault):
    raw.csv("features", content)
    assert fault in raw.refusal()


def test_parquet_files_that_cannot_be_read(raw):
    raw.parquet("usage_events/part-1.parquet", usage())
    whole = (raw.folder / "usage_events" / "part-1.parquet").read_bytes()
    (raw.folder / "usage_events" / "part-2.parquet").write_bytes(whole[:-10])
    (raw.folder / "features.parquet").write_text(FEATURES)
    (raw.folder / "users.parquet").touch()
    message = raw.refusal()
    for path in ("usage_events/part-2.parquet", "features.parquet", "users.parquet"):
        assert f"{path}: not a complete parquet file (" in message
    assert "Write it again." in message
    assert "LINE 1" not in message


def test_parquet_columns_that_no_rule_can_read(raw):
    raw.parquet("features.parquet", {"feature_key": [["a list"]], "is_core": [True], "is_high_value": [True]})
    assert (
        "features.parquet: the column feature_key is a list or a structure (the first: ['a list']), which"
        in raw.refusal()
    )
    pq.write_table(
        pa.table([["f"], [True], [True], [False]], ["feature_key", "is_core", "Is_Core", "is_high_value"]),
        raw.folder / "features.parquet",
    )
    assert "features.parquet: the column is_core stands more than once in the header" in raw.refusal()


def test_a_refusal_leaves_no_build_file_and_the_next_landing_starts_anew(raw):
    raw.csv("features", FEATURES + "f,true,true\n")
    assert raw.read("select count(*) from keizoku.raw.features") == [(1,)]
    raw.csv("features", FEATURES + "f,true\n")
    raw.refusal()
    raw.csv("features", FEATURES)
    assert raw.read("select count(*) from keizoku.raw.features") == [(0,)]


# Files that change while a refresh runs


def test_files_that_change_after_landing_are_named(raw):
    raw.parquet("usage_events/part-1.parquet", usage())
    raw.parquet("usage_events/part-2.parquet", usage())
    raw.csv("features", FEATURES)
    report = raw.land()
    assert changed_files(report) == []

    features = raw.folder / "features.csv"
    before = features.stat()
    os.utime(features, ns=(before.st_atime_ns, before.st_mtime_ns + 1))
    raw.csv("users", "user_id,account_id,is_internal,activated_at\n")
    (raw.folder / "usage_events" / "part-1.parquet").unlink()
    copy = raw.folder / "copy"
    copy.write_bytes((raw.folder / "accounts.csv").read_bytes())
    times = (raw.folder / "accounts.csv").stat()
    os.utime(copy, ns=(times.st_atime_ns, times.st_mtime_ns))
    copy.replace(raw.folder / "accounts.csv")
    assert changed_files(report) == [
        "accounts.csv changed",
        "features.csv changed",
        "usage_events/part-1.parquet vanished",
        "users.csv appeared",
    ]
