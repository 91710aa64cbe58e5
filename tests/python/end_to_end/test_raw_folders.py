"""Raw folders as people have them, through `make run`: the same figures, or one message that helps."""

import csv
import gzip
import re
import shutil
from datetime import datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from builders.refreshes import GOLDEN, contents, golden, make, read, settings_of

from orchestration.publication import history


def rows_of(file: Path) -> tuple[list[str], list[list[str]]]:
    """Header and rows of a CSV file."""
    with file.open(encoding="utf-8", newline="") as lines:
        header, *rows = csv.reader(lines)
    return header, rows


def write(file: Path, header: list[str], rows: list[list[str]]) -> None:
    """Write a CSV file, compressed when its name says so."""
    file.parent.mkdir(parents=True, exist_ok=True)
    opened = gzip.open if file.suffix == ".gz" else open
    with opened(file, "wt", encoding="utf-8", newline="") as lines:
        csv.writer(lines).writerows([header, *rows])


def as_times(header: list[str], rows: list[list[str]], names: set[str]) -> pa.Table:
    """Rows as parquet would hold them, with some columns as timestamps; an open end is the year 9999."""
    columns = {}
    for place, name in enumerate(header):
        values = [row[place] for row in rows]
        if name in names:
            ends = [value or ("9999-12-31 00:00:00" if name == "valid_to" else None) for value in values]
            times = [None if value is None else datetime.fromisoformat(value) for value in ends]
            columns[name] = pa.array(times, pa.timestamp("us"))
        else:
            columns[name] = pa.array(values)  # with '' for what is missing
    return pa.table(columns)


def reshape(raw: Path) -> None:
    """Turn the files of a folder into what Spark, Excel and hands make of them, without changing what they say."""
    (raw / "usage_events.csv").write_bytes((raw / "usage_events.csv").read_bytes().strip())

    header, rows = rows_of(raw / "subscription_item_versions.csv")
    (raw / "subscription_item_versions.csv").unlink()
    third = len(rows) // 3
    for path, part in {
        "part-0.parquet": rows[:third],
        "month=2025-10/PART-1.PARQUET": rows[third : 2 * third],
        "month=2025-10/deeper/part-2.parquet": rows[2 * third :],
    }.items():
        file = raw / "subscription_item_versions" / path
        file.parent.mkdir(parents=True, exist_ok=True)
        content = as_times(header, part, {"valid_from", "valid_to"})
        pq.write_table(content, file, use_deprecated_int96_timestamps=True)
    (raw / "subscription_item_versions" / "_SUCCESS").touch()

    header, rows = rows_of(raw / "subscriptions.csv")
    (raw / "subscriptions.csv").unlink()
    odd = [name.title() if name == "ended_at" else f" {name}\u00a0" for name in header]
    write(raw / "subscriptions.csv" / "part-00000.csv", odd, rows[: len(rows) // 2])
    write(raw / "subscriptions.csv" / "part-00001.csv.gz", odd[::-1], [row[::-1] for row in rows[len(rows) // 2 :]])
    (raw / "subscriptions.csv" / ".part-00000.csv.crc").touch()

    (raw / "accounts.csv").rename(raw / "ＡＣＣＯＵＮＴＳ.CSV")
    (raw / "csm_assignments.csv").unlink(missing_ok=True)
    (raw / "csm_assignments.csv").write_text("account_id,csm_id,valid_from")
    (raw / "README.md").write_text("Notes")
    header, rows = rows_of(raw / "products.csv")
    write(raw / "products.csv", [*header, "colour"], [[*row, "blue"] for row in rows])


def test_the_golden_files_in_any_shape_publish_the_golden_figures(tmp_path):
    raw = tmp_path / "raw"
    shutil.copytree(GOLDEN / "raw", raw)
    reshape(raw)
    run = make("run", **settings_of(tmp_path))
    assert run.returncode == 0, run.stderr
    published = tmp_path / "home" / "published" / history.FILE
    expected, found = contents(golden() / "home" / "published" / history.FILE), contents(published)
    figures = [table for table in expected if table.split(".")[0] in ("marts", "metrics", "reconciliation")]
    assert {table for table in figures if found[table] != expected[table]} == set()

    files = dict(
        read(published, "select path, row_count from audit.raw_files where table_name = 'subscription_item_versions'")
    )
    assert set(files) == {
        "subscription_item_versions/part-0.parquet",
        "subscription_item_versions/month=2025-10/PART-1.PARQUET",
        "subscription_item_versions/month=2025-10/deeper/part-2.parquet",
    }
    assert sum(files.values()) == len(rows_of(GOLDEN / "raw" / "subscription_item_versions.csv")[1])
    assert read(published, "select path from audit.raw_files where table_name is null") == [("README.md",)]
    status = make("status", **settings_of(tmp_path)).stdout
    assert "README.md: no table has this name" in status
    assert "columns of products that the contract does not know: colour" in status


def test_values_of_a_spreadsheet_stop_the_run_with_all_that_is_needed_to_mend_them(tmp_path):
    raw = tmp_path / "raw"
    shutil.copytree(GOLDEN / "raw", raw)
    header, rows = rows_of(raw / "subscription_item_versions.csv")
    price, start = header.index("unit_amount"), header.index("valid_from")
    for row in rows:
        row[price] = f"¥{int(float(row[price] or 0)):,}"
        row[start] = re.sub(r"(\d+)-(\d+)-(\d+)", r"\1/\2/\3", row[start])
    write(raw / "subscription_item_versions.csv", header, rows)
    run = make("run", **settings_of(tmp_path))
    assert run.returncode != 0
    for words in (
        "Nothing was published.",
        f"subscription_item_versions {len(rows):,} of {len(rows):,}",
        "unit_amount '¥",
        "an amount with a currency sign or word: write 1000 or 1000.5",
        "valid_from '20",
        "a date with / or .: write 2026-03-01 09:00:00. In Excel, format the cells as yyyy-mm-dd hh:mm:ss",
    ):
        assert words in run.stderr
    assert "assert_" not in run.stderr
    assert "an amount with a currency sign" in make("status", **settings_of(tmp_path)).stdout


def test_files_that_may_be_lost_stop_the_run_by_name(tmp_path):
    raw = tmp_path / "raw"
    shutil.copytree(GOLDEN / "raw", raw)
    header, _ = rows_of(raw / "usage_events.csv")
    write(raw / "usage_events" / "part-2.csv", header, [])
    (raw / "subscription_pause.csv").write_text("subscription_id,paused_from\n")
    accounts = (raw / "accounts.csv").read_text(encoding="utf-8")
    (raw / "accounts.csv").write_bytes(accounts.replace("\n", ",会社\n", 1).encode("cp932"))
    run = make("run", **settings_of(tmp_path))
    assert run.returncode != 0
    for words in (
        "usage_events: found as usage_events and usage_events.csv. Keep one of them.",
        "subscription_pause.csv: no table has this name; is it subscription_pauses?",
        "accounts.csv, line 1: the file is Shift_JIS (CP932), as Excel in Japanese saves CSV files, not UTF-8. Save it",
        "In Excel: File > Save As > CSV UTF-8",
    ):
        assert words in run.stderr
    assert not (tmp_path / "home" / "published" / history.FILE).exists()
