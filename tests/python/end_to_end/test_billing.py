"""Billing data as it comes, through the public command: one company that does it all, and one that must be stopped."""

import csv
from pathlib import Path

import pytest
from builders.refreshes import make, read

from orchestration.landing import load_contract

PRODUCTS = ["core,Core,core,1,true,false"]
# Kept as billing systems write them: days without a clock, the last day of service, tiny prices, corrections.
SUBSCRIPTIONS = """
A1,A,canceled,2025-01-01,,2025-12-31,
A2,A,canceled,2025-01-01,,2026-03-25,
A3,A,canceled,2026-01-01,,2026-03-25,
A4,A,active,2026-04-05,,,
B1,B,canceled,2024-04-10,,2026-04-10,
B2,B,active,2026-03-15,,,B1
C1,C,active,2025-01-01,,,
D1,D,active,2025-01-01,2026-05-15,,
E1,E,canceled,2026-06-10,,2026-05-20,
F1,F,active,2025-01-01,,,
G1,G,active,2025-01-01,,,
"""
# version, item, subscription, quantity, price, from, to, recorded
VERSIONS = """
A1a,A1i,A1,1,10000,2025-01-01,2025-12-31,
A3a,A1i,A3,1,10000,2026-01-01,,
A2a,A2i,A2,1,10000,2025-01-01,,
A4a,A4i,A4,1,20000,2026-04-05,,
B1a,B1i,B1,1,12000,2024-04-10,,
B2a,B2i,B2,1,12000,2026-03-15,,
C1a,C1i,C1,1,10000,2025-01-01,,2025-01-01
C1b,C1i,C1,1,8000,2026-03-01,,2026-05-10
D1a,D1i,D1,1,10000,2025-01-01,,
E1a,E1i,E1,1,5000,2026-06-10,2026-05-20,
F1a,F1i,F1,2000000,0.00045,2025-01-01,,
G1a,G1i,G1,1,100000,2025-01-01,,
"""
INVOICE_LINES = """
1,G,G1i,2026-02-01,2026-02-01,2026-03-01,100000,
2,G,G1i,2026-03-01,2026-03-01,2026-04-01,100000,
3,G,G1i,2026-04-01,2026-04-01,2026-05-01,100000,
4,G,G1i,2026-04-01,2026-04-01,2026-05-01,-5000,3
"""


def write(folder: Path, table: str, columns: str, lines: str, **always: object) -> None:
    """Write lines of CSV as a raw table, the same values added to each."""
    rows = [dict(zip(columns.split(","), line.split(","), strict=True)) for line in lines.split()]
    with (folder / f"{table}.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, [*columns.split(","), *always])
        writer.writeheader()
        writer.writerows(row | always for row in rows)


def write_company(folder: Path) -> Path:
    """Write the company's files."""
    folder.mkdir(parents=True)
    for table in load_contract().values():
        if table.required:
            write(folder, table.name, ",".join(column.name for column in table.columns), "")
    accounts = "\n".join("ABCDEFG")
    always = {"is_internal": "false", "billing_currency": "JPY", "created_at": "2024-01-01"}
    write(folder, "accounts", "account_id", accounts, account_name="Company", **always)
    write(folder, "products", "product_id,product_name,product_family,tier_rank,is_recurring,is_metered", PRODUCTS[0])
    columns = "subscription_id,account_id,status,started_at,trial_ended_at,ended_at,replaces_subscription_id"
    write(folder, "subscriptions", columns, SUBSCRIPTIONS)
    columns = (
        "item_version_id,subscription_item_id,subscription_id,quantity,unit_amount,valid_from,valid_to,recorded_at"
    )
    always = {"product_id": "core", "billing_interval": "month", "interval_count": 1, "currency": "JPY"}
    write(folder, "subscription_item_versions", columns, VERSIONS, **always)
    pairs = "A4,A2\nA4,A3"
    write(folder, "subscription_replacements", "subscription_id,replaces_subscription_id", pairs)
    pauses = "G1,2026-05-05,2026-05-20\nG1,2026-05-05,2026-06-05"
    write(folder, "subscription_pauses", "subscription_id,paused_from,paused_to", pauses)
    columns = (
        "invoice_line_id,account_id,subscription_item_id,issued_at,service_from,service_to,amount_ex_tax,credit_note_of"
    )
    always = {"invoice_id": "n", "currency": "JPY", "is_recurring": "true", "is_proration": "false", "status": "paid"}
    write(folder, "invoice_lines", columns, INVOICE_LINES, **always)
    return folder


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What `make run` publishes of it, seen from west of Greenwich."""
    folder = tmp_path_factory.mktemp("billing")
    settings = {"KEIZOKU_RAW": write_company(folder / "raw"), "KEIZOKU_HOME": folder / "home"}
    run = make("run", KEIZOKU_AS_OF="2026-06-30", KEIZOKU_TIMEZONE="America/New_York", **settings)
    assert run.returncode == 0, run.stdout + run.stderr
    return folder / "home" / "published" / "keizoku.duckdb"


@pytest.mark.parametrize(
    ("account", "mrr"),
    [
        # The last day of service, then two agreements renewed as one of them ten days late.
        ("A", {"2025-12": 20_000, "2026-01": 20_000, "2026-03": 20_000, "2026-04": 20_000}),
        # Renewed before the end.
        ("B", {"2026-02": 12_000, "2026-03": 12_000, "2026-04": 12_000}),
        # Corrected by another version.
        ("C", {"2026-02": 10_000, "2026-03": 8000}),
        # A free month for who pays already.
        ("D", {"2025-01": 10_000, "2026-04": 10_000, "2026-05": 10_000}),
        ("F", {"2026-06": 900}),
        # Paused, and the pause extended.
        ("G", {"2026-04": 100_000, "2026-05": 0, "2026-06": 100_000}),
    ],
)
def test_figures_are_those_worked_out_by_hand(published: Path, account: str, mrr: dict[str, int]) -> None:
    query = f"select strftime(month, '%Y-%m'), closing_mrr from marts.fct_account_months where account_id = '{account}'"
    found = dict(read(published, query))
    assert {month: found[month] for month in mrr} == mrr


def test_nobody_starts_a_day_early_and_an_order_withdrawn_never_starts(published: Path) -> None:
    starts = dict(read(published, "select account_id, cast(started_on as varchar) from marts.dim_accounts"))
    assert starts["A"] == "2025-01-01"
    assert starts["E"] is None


def test_bills_by_the_first_day_after_and_recurring_credits_are_explained(published: Path) -> None:
    query = (
        "select strftime(month, '%Y-%m'), class, amount from reconciliation.mrr_to_invoices "
        "where account_id = 'G' and class in ('unexplained', 'credit_note') and amount <> 0"
    )
    assert read(published, query) == [("2026-04", "credit_note", 5000)]


def test_every_row_that_was_read_with_an_opinion_is_listed(published: Path) -> None:
    found = set(read(published, "select table_name, row_key, warning from audit.row_warnings"))
    expected = {
        ("subscriptions", "B1", "early_renewal"),
        ("subscriptions", "A2", "late_renewal"),
        ("subscriptions", "A3", "late_renewal"),
        ("subscriptions", "D1", "trial_as_retention_offer"),
        ("subscriptions", "E1", "never_started"),
        ("subscriptions", "A1", "inclusive_day"),
        ("subscription_item_versions", "A1a", "inclusive_day"),
        ("subscription_item_versions", "C1a", "superseded"),
        ("subscription_pauses", "G1 | 2026-05-05 04:00:00", "pause_written_twice"),
        *(("invoice_lines", str(line), "inclusive_day") for line in (1, 2, 3, 4)),
    }
    assert found == expected


def test_a_subscription_that_lives_on_below_a_deleted_account_stops_the_run(tmp_path: Path) -> None:
    raw = write_company(tmp_path / "raw")
    accounts = (raw / "accounts.csv").read_text(encoding="utf-8").splitlines()
    marked = [
        f"{line},{'_is_deleted' if not number else str(line[0] == 'G').lower()}" for number, line in enumerate(accounts)
    ]
    (raw / "accounts.csv").write_text("\n".join(marked) + "\n", encoding="utf-8")
    settings = {"KEIZOKU_RAW": raw, "KEIZOKU_HOME": tmp_path / "home", "KEIZOKU_TIMEZONE": "America/New_York"}
    run = make("run", KEIZOKU_AS_OF="2026-06-30", **settings)
    said = run.stdout + run.stderr
    assert run.returncode != 0
    assert "(unknown_account, row G1)" in said
    assert "bring the account back, or name the one that it was merged into" in said
    assert not (tmp_path / "home" / "published" / "keizoku.duckdb").exists()
