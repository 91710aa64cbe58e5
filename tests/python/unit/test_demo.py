"""The demo company: the same in every run, clean by the raw contract, with the effects that it says are planted."""

import hashlib
import json
import math
import subprocess
import sys
from decimal import Decimal
from pathlib import Path

import duckdb
import pyarrow.parquet as pq
import pytest

from orchestration.demo import company, tables, write_demo
from orchestration.demo import constants as figures
from orchestration.landing.contract import load_contract

# Renewals of the demo are one to one: `replaces_subscription_id` says them.
CONTRACT = {name: table for name, table in load_contract().items() if name != "subscription_replacements"}
END = "timestamp '2026-10-31 15:00:00'"  # the first instant after the as-of date in Tokyo
MAY_LIE_AHEAD = {  # what is agreed or planned by the as-of date; everything else has happened
    ("subscriptions", "trial_ended_at"),
    ("subscriptions", "ended_at"),
    ("subscription_item_versions", "valid_to"),
    ("onboarding_milestones", "due_at"),
    ("contracts", "end_date"),
    ("invoice_lines", "service_to"),
    ("invoice_lines", "due_at"),
    ("success_plans", "due_date"),
}


@pytest.fixture(scope="module")
def demo_folder(tmp_path_factory) -> Path:
    """The company in its default size."""
    folder = tmp_path_factory.mktemp("demo") / "raw"
    write_demo(folder)
    return folder


@pytest.fixture(scope="module")
def demo(demo_folder):
    """The default company as views."""
    return open_company(demo_folder)


@pytest.fixture(scope="module")
def large(tmp_path_factory):
    """A company large enough to measure small effects."""
    folder = tmp_path_factory.mktemp("large") / "raw"
    write_demo(folder, size=8)
    return open_company(folder)


def open_company(folder: Path) -> duckdb.DuckDBPyConnection:
    """Views over the tables of a folder, and customers with their paid start and final end in Tokyo."""
    connection = duckdb.connect()
    for table in CONTRACT:
        single = folder / f"{table}.parquet"
        files = single if single.exists() else folder / table / "*.parquet"
        connection.execute(f"create view {table} as select * from read_parquet('{files}')")
    connection.execute(
        """
        create table lives as
        with paid as (
            select *, coalesce(trial_ended_at, started_at) as begun_at from subscriptions
            where coalesce(trial_ended_at, started_at) < coalesce(ended_at, timestamp '9999-01-01')
        )

        select
            paid.account_id,
            min(paid.begun_at) + interval 9 hour as begun_at,
            min(case when successors.subscription_id is null then paid.ended_at end) + interval 9 hour as left_at,
            min_by(paid.cancel_kind, coalesce(paid.ended_at, timestamp '9999-01-01')) as cancel_kind
        from paid
        inner join accounts on accounts.account_id = paid.account_id
        left join subscriptions as successors on successors.replaces_subscription_id = paid.subscription_id
        where not is_internal and parent_account_id is null
        group by paid.account_id
        """
    )
    return connection


def one(connection: duckdb.DuckDBPyConnection, query: str):
    """Return the only value of a query."""
    return connection.execute(query).fetchone()[0]


def digests(folder: Path) -> dict[str, str]:
    """Return a hash of each file of a folder."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def test_two_runs_write_the_same_bytes(tmp_path):
    write_demo(tmp_path / "one", size=0.05)
    write_demo(tmp_path / "two", size=0.05)
    assert digests(tmp_path / "one") == digests(tmp_path / "two")


def test_a_text_that_stands_twice_for_codes_is_in_the_dictionary_once():
    found = tables.words([2, 0, -1, 1], ["month", "year", "month"])
    assert found.to_pylist() == ["month", "month", None, "year"]
    assert found.dictionary.to_pylist() == ["month", "year"]


def test_many_events_are_written_in_several_files(tmp_path, monkeypatch):
    monkeypatch.setattr(company, "EVENTS_PER_FILE", 5_000)
    write_demo(tmp_path / "raw", size=0.05)
    parts = sorted((tmp_path / "raw" / "usage_events").iterdir())
    assert [part.name for part in parts[:2]] == ["part-000.parquet", "part-001.parquet"]
    ids = one(
        duckdb.connect(), f"select count(*) - count(distinct event_id) from '{tmp_path}/raw/usage_events/*.parquet'"
    )
    assert ids == 0


def test_every_table_has_the_columns_and_types_of_the_contract(demo_folder):
    for name, table in CONTRACT.items():
        schema = pq.read_schema(demo_folder / f"{name}.parquet")
        wanted = [(column.name, column.data_type) for column in table.columns if not column.is_standard]
        assert [(field.name, contract_type(field.type)) for field in schema] == wanted, name


def contract_type(arrow_type) -> str:
    """Return the contract's word for an Arrow type."""
    words = {
        "string": "varchar",
        "int64": "bigint",
        "bool": "boolean",
        "date32[day]": "date",
        "timestamp[us]": "timestamp",
    }
    text = str(arrow_type)
    return words.get(text) or text.replace("decimal128", "decimal").replace(" ", "")


def test_rows_keep_the_rules_of_the_contract(demo):
    for name, table in CONTRACT.items():
        key = ", ".join(table.key)
        assert one(demo, f"select count(*) from {name}") > 0, name
        assert one(demo, f"select count(*) from (select {key} from {name} group by {key} having count(*) > 1)") == 0, (
            name
        )
        for column in table.columns:
            if not column.is_standard:
                assert broken_rows(demo, name, column) == 0, f"{name}.{column.name}"


def broken_rows(connection, table: str, column) -> int:
    """Return how many values of a column break what the contract says about it."""
    rules = ["false"]
    if column.required:
        rules.append(f"{column.name} is null")
    if column.accepted:
        rules.append(f"{column.name} not in ({', '.join(repr(word) for word in column.accepted)})")
    if column.is_currency:
        rules.append(f"{column.name} not in ('JPY', 'USD')")
    if column.references:
        (key,) = CONTRACT[column.references].key
        rules.append(
            f"not exists (select 1 from {column.references} as other where other.{key} = {table}.{column.name})"
        )
    if column.data_type.startswith("decimal") and not column.is_signed:
        rules.append(f"{column.name} < 0")
    if column.data_type == "timestamp" and (table, column.name) not in MAY_LIE_AHEAD:
        rules.append(f"{column.name} >= {END}")
    if column.data_type == "date" and (table, column.name) not in MAY_LIE_AHEAD:
        rules.append(f"{column.name} > date '{figures.AS_OF_DATE}'")
    return one(connection, f"select count(*) from {table} where {' or '.join(rules)}")


@pytest.mark.parametrize(
    "query",
    [
        # versions of one item overlap
        """select count(*) from subscription_item_versions as a
        inner join subscription_item_versions as b on a.subscription_item_id = b.subscription_item_id
        where a.item_version_id < b.item_version_id
            and a.valid_from < coalesce(b.valid_to, '9999-01-01')
            and b.valid_from < coalesce(a.valid_to, '9999-01-01')""",
        "select count(*) from subscription_item_versions where valid_to <= valid_from or interval_count < 1",
        "select count(*) from subscription_item_versions where discount_amount > quantity * unit_amount",
        "select count(*) from subscription_item_versions where (discount_amount is null) <> (discount_kind is null)",
        "select count(*) from subscriptions where status = 'canceled' and ended_at is null",
        f"select count(*) from subscriptions where (ended_at < {END}) <> (status = 'canceled')",
        "select count(*) from subscriptions where ended_at < started_at or trial_ended_at < started_at",
        "select count(*) from subscriptions where cancel_requested_at not between started_at and ended_at",
        # an end ahead is one that was asked for
        f"select count(*) from subscriptions where ended_at >= {END} and cancel_requested_at is null",
        "select count(*) from subscription_pauses where paused_to <= paused_from",
        "select count(*) from contracts where end_date < start_date",
        "select count(*) from invoice_lines where service_to < service_from",
        "select count(*) from support_tickets where resolved_at < first_replied_at or first_replied_at < opened_at",
        "select count(*) from survey_responses where score not between scale_min and scale_max",
        """select count(*) from survey_responses
        where (survey_type, scale_min, scale_max) not in (('nps', 0, 10), ('csat', 1, 5), ('ces', 1, 7))""",
        # optional references
        """select count(*) from subscriptions
        where replaces_subscription_id not in (select subscription_id from subscriptions)""",
        "select count(*) from accounts where parent_account_id not in (select account_id from accounts)",
        "select count(*) from contracts where renews_contract_id not in (select contract_id from contracts)",
        "select count(*) from invoice_lines where credit_note_of not in (select invoice_line_id from invoice_lines)",
        """select count(*) from invoice_lines
        where subscription_item_id not in (select subscription_item_id from subscription_item_versions)""",
        """select count(*) from cs_feedback
        where linked_opportunity_id not in (select opportunity_id from opportunities)""",
        "select count(*) from usage_events where feature_key not in (select feature_key from features)",
        "select count(*) from usage_events where user_id not in (select user_id from users)",
        """select count(*) from usage_events inner join users on users.user_id = usage_events.user_id
        where users.account_id <> usage_events.account_id
            or occurred_at < activated_at or occurred_at >= coalesce(deactivated_at, '9999-01-01')""",
        # parents are roots
        """select count(*) from accounts
        inner join accounts as parents on parents.account_id = accounts.parent_account_id
        where parents.parent_account_id is not null""",
        # fractions of a yen
        """select count(*) from subscription_item_versions
        where currency = 'JPY' and (unit_amount % 1 <> 0 or coalesce(discount_amount, 0) % 1 <> 0)""",
        "select count(*) from invoice_lines where currency = 'JPY' and amount_ex_tax % 1 <> 0",
        "select count(*) from contracts where currency = 'JPY' and annual_amount % 1 <> 0",
        "select count(*) from revenue_ledger where currency = 'JPY' and amount % 1 <> 0",
    ],
)
def test_no_row_is_wrong(demo, query):
    assert one(demo, query) == 0


def test_the_company_has_every_kind_of_customer(demo):
    assert one(demo, "select count(*) from lives") == figures.CUSTOMERS_PER_SIZE
    assert 300_000 <= one(demo, "select count(*) from usage_events") <= 400_000
    assert one(demo, "select count(distinct status) from subscriptions") == 5
    assert one(demo, "select count(distinct billing_interval || interval_count) from subscription_item_versions") == 4
    assert one(demo, f"select count(*) from subscriptions where ended_at >= {END}") > 0
    assert one(demo, "select count(*) from accounts where is_internal") == 2
    assert one(demo, "select count(*) from account_parents where valid_to is not null") > 0
    gaps = """
        select date_diff('day', old.ended_at, new.started_at) as days from subscriptions as new
        inner join subscriptions as old on old.subscription_id = new.replaces_subscription_id
    """
    assert one(demo, f"select count(*) from ({gaps}) where days between 1 and 30") > 3
    assert one(demo, f"select count(*) from ({gaps}) where days > 30") > 0
    comes_back = (
        "select count(*) - count(distinct account_id) from subscriptions where replaces_subscription_id is null"
    )
    assert one(demo, comes_back) > 0


def test_invoices_tie_to_the_price_of_monthly_subscriptions(demo):
    """Lines that cover a month's end, brought to a whole month, are the price in force then, up to rounding."""
    query = """
        with prices as (
            select
                subscription_item_id,
                sum(quantity * unit_amount - coalesce(discount_amount, 0)) as price
            from subscription_item_versions
            inner join subscriptions on subscriptions.subscription_id = subscription_item_versions.subscription_id
            inner join products on products.product_id = subscription_item_versions.product_id
            inner join accounts on accounts.account_id = subscriptions.account_id
            where is_recurring and not is_metered and not is_internal
                and billing_interval = 'month' and interval_count = 1
                and greatest(valid_from, coalesce(trial_ended_at, started_at)) < $until
                and coalesce(valid_to, '9999-01-01') >= $until and coalesce(ended_at, '9999-01-01') >= $until
                and not exists (
                    select 1 from subscription_pauses as pauses
                    where pauses.subscription_id = subscriptions.subscription_id
                        and paused_from < $until and coalesce(paused_to, '9999-01-01') >= $until
                )
            group by subscription_item_id
        ),

        billed as (
            select
                subscription_item_id,
                sum(amount_ex_tax * day(last_day(service_from)) / (service_to - service_from + 1)) as price
            from invoice_lines
            where is_recurring and status <> 'void' and $day between service_from and service_to
            group by subscription_item_id
        )

        select count(*), count(billed.price), max(abs(prices.price - billed.price)) from prices
        left join billed on billed.subscription_item_id = prices.subscription_item_id
    """
    for day in ("2025-02-28", "2026-04-30", "2026-09-30"):
        moments = {"until": f"{day} 15:00:00", "day": day}
        lines, billed_lines, difference = demo.execute(query, moments).fetchone()
        assert lines == billed_lines > 50
        assert difference < 35  # each line is rounded to a yen: at most half a yen a day of the month, twice


def test_revenue_is_recognised_for_every_month_and_currency(demo):
    rows = demo.execute(
        "select currency, count(*) from revenue_ledger where ledger_account like '4100%' group by all order by all"
    ).fetchall()
    assert rows == [("JPY", 36), ("USD", 36)]


def test_reported_nrr_is_published_each_month_and_corrected_once(demo):
    assert one(demo, "select count(distinct period) from reported_metrics") == 23
    assert one(demo, "select count(*) from reported_metrics where period = date '2025-09-01'") == 2


def test_rates_lead_both_ways(demo):
    rows = demo.execute(
        """select there.rate_type, count(*), max(abs(there.rate * back.rate - 1)) from exchange_rates as there
        inner join exchange_rates as back on back.rate_date = there.rate_date and back.rate_type = there.rate_type
        where there.base_currency = 'USD' and back.base_currency = 'JPY' group by all order by all"""
    ).fetchall()
    assert [row[:2] for row in rows] == [("month_end", 37), ("plan", 4)]
    assert all(row[2] < Decimal("0.000002") for row in rows)


def onboarding_survival(connection: duckdb.DuckDBPyConnection, onboarded: bool) -> float:
    """Kaplan-Meier: who stays to day 380, of the customers there on day 90, by onboarding completed by then."""
    rows = connection.execute(
        """
        with onboarding as (
            select
                account_id,
                case when count(*) = count(completed_at) then max(completed_at) + interval 9 hour end as done_at
            from onboarding_milestones
            where is_required
            group by account_id
        )

        select
            date_diff('day', begun_at, least(coalesce(left_at, '9999-01-01'), timestamp '2026-11-01')),
            coalesce(left_at < date '2026-11-01', false)
        from lives
        inner join onboarding on onboarding.account_id = lives.account_id
        where (coalesce(done_at, '9999-01-01') <= begun_at + interval 90 day) = $onboarded
        """,
        {"onboarded": onboarded},
    ).fetchall()
    survival = 1.0
    for day in sorted({days for days, left in rows if left and 90 < days <= 380}):
        at_risk = sum(days >= day for days, _ in rows)
        survival *= 1 - sum(left and days == day for days, left in rows) / at_risk
    return survival


def test_onboarding_within_90_days_halves_first_year_churn(large):
    onboarded, others = -math.log(onboarding_survival(large, True)), -math.log(onboarding_survival(large, False))
    assert onboarded / others == pytest.approx(0.5, abs=0.08)
    months = (380 - 90) / 30.4
    planted = figures.MONTHLY_HAZARD[1]
    assert onboarded / months == pytest.approx(planted["onboarded"], rel=0.15)
    assert others / months == pytest.approx(planted["not_onboarded"], rel=0.15)


def test_churn_is_commonest_in_the_first_three_months(large):
    """Monthly terms alone can end so early: about 60 % of the customers."""
    early = one(
        large,
        """select avg(case when left_at < begun_at + interval 3 month then 1 else 0 end) from lives
        where begun_at < date '2026-08-01'""",
    )
    assert 0.03 < early < 0.07


def test_usage_sinks_before_a_churn(large):
    """Events a day in the last 30 and in the 31 to 75 days before the end, against the 90 days before those."""
    last, before, usual = large.execute(
        """
        with uses as (
            select date_diff('day', cast(occurred_at + interval 9 hour as date), cast(left_at as date)) as days_left
            from lives
            inner join usage_events on usage_events.account_id = lives.account_id
            where left_at - begun_at > interval 320 day and left_at < date '2026-11-01'
                and occurred_at + interval 9 hour < left_at
        )

        select
            count(case when days_left <= 30 then 1 end) / 30,
            count(case when days_left between 31 and 75 then 1 end) / 45,
            count(case when days_left between 76 and 165 then 1 end) / 90
        from uses
        """
    ).fetchone()
    assert before / usual == pytest.approx(0.40, abs=0.06)
    assert last / usual == pytest.approx(0.20, abs=0.05)


def test_nps_follows_usage(large):
    """Mean score by days of use in the 28 days before the answer; scores end at 10, which lowers the highest mean."""
    means = large.execute(
        """
        with answers as (
            select
                response_id,
                any_value(score) as score,
                count(distinct cast(occurred_at + interval 9 hour as date)) as days_of_use
            from survey_responses
            left join usage_events
                on usage_events.account_id = survey_responses.account_id
                and occurred_at between responded_at - interval 28 day and responded_at
            where survey_type = 'nps'
            group by response_id
        )

        select
            case when days_of_use >= 11 then 1 when days_of_use >= 5 then 2 when days_of_use >= 1 then 3 else 4 end,
            avg(score)
        from answers
        group by 1
        order by 1
        """
    ).fetchall()
    measured = [mean for _, mean in means]
    planted = [mean for _, mean in figures.NPS_BY_USAGE]
    assert measured == sorted(measured, reverse=True)
    assert measured == pytest.approx(planted, abs=0.4)


def test_unpaid_invoices_precede_involuntary_churn(large):
    """A bill at least 30 days overdue in the three months before the end: nearly all of the involuntary, few others."""
    rows = large.execute(
        """
        select cancel_kind, avg(case when is_overdue then 1 else 0 end) from (
            select lives.account_id, cancel_kind, bool_or(coalesce(
                due_at + interval 30 day < left_at and due_at > left_at - interval 90 day
                and coalesce(invoice_lines.paid_at, '9999-01-01') >= due_at + interval 30 day, false
            )) as is_overdue
            from lives
            inner join invoice_lines on invoice_lines.account_id = lives.account_id
            where left_at < date '2026-11-01' and amount_ex_tax > 0 and status <> 'void' and cancel_kind is not null
            group by lives.account_id, cancel_kind
        ) group by cancel_kind order by cancel_kind
        """
    ).fetchall()
    assert rows[0][0] == "involuntary" and rows[0][1] > 0.95
    assert rows[1][0] == "voluntary" and rows[1][1] < 0.10


def test_prices_rise_by_5_percent_each_april(large):
    rows = large.execute(
        """
        select year(new.valid_from + interval 9 hour), count(*), median(new.unit_amount / old.unit_amount)
        from subscription_item_versions as new
        inner join subscription_item_versions as old
            on old.subscription_item_id = new.subscription_item_id and old.valid_to = new.valid_from
        where new.billing_interval = 'month' and new.interval_count = 1 and new.product_id = old.product_id
            and new.unit_amount <> old.unit_amount
        group by 1 order by 1
        """
    ).fetchall()
    assert [year for year, _, _ in rows] == [2025, 2026]
    for _, count, ratio in rows:
        assert count > 200
        assert ratio == pytest.approx(1 + figures.PRICE_UPLIFT, abs=0.001)
    months = "select distinct month(new.valid_from + interval 9 hour)"
    found = large.execute(
        f"""{months} from subscription_item_versions as new inner join subscription_item_versions as old
        on old.subscription_item_id = new.subscription_item_id and old.valid_to = new.valid_from
        where new.billing_interval = 'month' and new.interval_count = 1 and new.product_id = old.product_id
            and new.unit_amount <> old.unit_amount"""
    ).fetchall()
    assert found == [(4,)]


def test_surveys_are_answered_by_a_quarter_to_a_third(large):
    for survey in ("nps", "csat", "ces"):
        sent = one(large, f"select count(*) from survey_sends where survey_type = '{survey}'")
        answered = one(large, f"select count(*) from survey_responses where survey_type = '{survey}'")
        assert 0.25 < answered / sent < 0.35


def test_the_company_records_what_is_planted(demo_folder):
    record = json.loads((demo_folder / "company.json").read_text(encoding="utf-8"))
    assert record["as_of_date"] == "2026-10-31"
    assert record["planted"]["onboarding"]["first_year_hazard_ratio"] == 0.5
    assert record["accounts"] == pq.read_metadata(demo_folder / "accounts.parquet").num_rows
    assert record["rows"].keys() == CONTRACT.keys()


def test_a_folder_with_other_files_is_left_alone(tmp_path):
    folder = tmp_path / "raw"
    folder.mkdir()
    (folder / "accounts.csv").write_text("account_id\nmine\n", encoding="utf-8")
    with pytest.raises(FileExistsError, match="is not a demo company"):
        write_demo(folder, size=0.05)
    assert [path.name for path in tmp_path.rglob("*")] == ["raw", "accounts.csv"]
    write_demo(folder, size=0.05, force=True)
    assert not (folder / "accounts.csv").exists()


def test_an_earlier_demo_company_is_replaced(tmp_path):
    write_demo(tmp_path / "raw", size=0.05)
    write_demo(tmp_path / "raw", size=0.1)
    record = json.loads((tmp_path / "raw" / "company.json").read_text(encoding="utf-8"))
    assert record["size"] == 0.1
    assert [path.name for path in tmp_path.iterdir()] == ["raw"]


def test_a_run_that_fails_leaves_the_earlier_company(tmp_path, monkeypatch):
    write_demo(tmp_path / "raw", size=0.05)
    before = digests(tmp_path / "raw")

    def fail(*_):
        raise OSError("no space left on device")

    monkeypatch.setattr(company.usage, "feature_rows", fail)
    with pytest.raises(OSError, match="no space left"):
        write_demo(tmp_path / "raw", size=0.1)
    assert digests(tmp_path / "raw") == before
    assert [path.name for path in tmp_path.iterdir()] == ["raw"]


def test_the_command_says_what_it_wrote_and_refuses_a_foreign_folder(tmp_path):
    command = [sys.executable, "-m", "orchestration.cli.main", "demo", "--size", "0.05", "--out", str(tmp_path / "raw")]
    first = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "as of 2026-10-31" in first.stdout
    (tmp_path / "raw" / "company.json").unlink()
    second = subprocess.run(command, capture_output=True, text=True, check=False)
    assert second.returncode == 1
    assert "--force" in second.stderr
