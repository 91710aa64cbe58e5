"""The second opinion on worked numbers: each rule of the definitions as a small company, written as raw files."""

import csv
import shutil
from datetime import date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet
import pytest
from builders.opinion import account_months, metrics, movements, recompute

from orchestration.recompute import (
    MissingRateError,
    RawFileError,
    RecomputeError,
    Settings,
    World,
    parsing,
    write_all,
)
from orchestration.recompute.clock import Clock, add_months, date_of, day_of, first_day
from orchestration.recompute.health import Component, component_score, weighted
from orchestration.recompute.metrics import METRIC_KEYS
from orchestration.recompute.movements import movement_type
from orchestration.recompute.onboarding import kaplan_meier_median
from orchestration.recompute.parsing import boolean, day, decimal, parse_column, whole
from orchestration.recompute.settings import SEEDS
from orchestration.recompute.tie_outs import TieOuts

GOLDEN = Path(__file__).resolve().parents[2] / "golden" / "g1"

DEFAULTS = {
    "accounts": {
        "account_id": "a",
        "account_name": "A",
        "parent_account_id": "",
        "industry": "retail",
        "employee_count": "",
        "country": "JP",
        "billing_currency": "JPY",
        "is_internal": "false",
        "created_at": "2020-01-01",
    },
    "products": {
        "product_id": "core-1",
        "product_name": "Core",
        "product_family": "core",
        "tier_rank": "1",
        "is_recurring": "true",
        "is_metered": "false",
    },
    "subscriptions": {
        "subscription_id": "s",
        "account_id": "a",
        "status": "active",
        "started_at": "2025-01-01",
        "trial_started_at": "",
        "trial_ended_at": "",
        "cancel_requested_at": "",
        "ended_at": "",
        "cancel_reason": "",
        "cancel_kind": "",
        "replaces_subscription_id": "",
    },
    "subscription_item_versions": {
        "item_version_id": "v",
        "subscription_item_id": "i",
        "subscription_id": "s",
        "product_id": "core-1",
        "billing_interval": "month",
        "interval_count": "1",
        "quantity": "1",
        "unit_amount": "100",
        "discount_amount": "",
        "discount_kind": "",
        "currency": "JPY",
        "valid_from": "2025-01-01",
        "valid_to": "",
        "recorded_at": "",
        "_updated_at": "",
        "_is_deleted": "",
    },
    "usage_events": {
        "event_id": "e",
        "account_id": "a",
        "user_id": "",
        "feature_key": "report",
        "occurred_at": "2025-01-15",
    },
    "survey_responses": {
        "response_id": "r",
        "survey_type": "nps",
        "account_id": "a",
        "respondent_id": "",
        "score": "10",
        "scale_min": "0",
        "scale_max": "10",
        "responded_at": "2025-01-15",
    },
    "onboarding_milestones": {
        "milestone_id": "m",
        "account_id": "a",
        "milestone_key": "import",
        "is_required": "true",
        "is_first_value": "true",
        "due_at": "",
        "completed_at": "",
    },
    "features": {"feature_key": "report", "is_core": "true", "is_high_value": "true"},
    "users": {"user_id": "u", "account_id": "a", "is_internal": "false", "activated_at": "2025-01-01"},
    "subscription_replacements": {"subscription_id": "s", "replaces_subscription_id": "s"},
    "subscription_pauses": {"subscription_id": "s", "paused_from": "2025-02-10", "paused_to": ""},
    "contracts": {
        "contract_id": "c",
        "account_id": "a",
        "start_date": "2025-01-01",
        "end_date": "2025-12-31",
        "auto_renew": "true",
        "currency": "JPY",
        "annual_amount": "1200",
    },
    "invoice_lines": {
        "invoice_line_id": "l",
        "invoice_id": "n",
        "account_id": "a",
        "subscription_item_id": "",
        "issued_at": "2025-01-01",
        "service_from": "2025-01-01",
        "service_to": "2025-01-31",
        "amount_ex_tax": "100",
        "currency": "JPY",
        "is_recurring": "true",
        "is_proration": "false",
        "status": "open",
        "due_at": "2025-01-31",
        "paid_at": "",
        "credit_note_of": "",
    },
    "exchange_rates": {
        "rate_date": "2025-01-01",
        "base_currency": "USD",
        "quote_currency": "JPY",
        "rate_type": "plan",
        "rate": "150",
    },
    "support_tickets": {
        "ticket_id": "t",
        "account_id": "a",
        "opened_at": "2025-01-10",
        "resolved_at": "",
        "severity": "normal",
    },
    "engagement_activities": {
        "activity_id": "x",
        "account_id": "a",
        "activity_type": "meeting",
        "occurred_at": "2025-01-10",
        "attended": "true",
    },
    "unit_economics": {"period": "2025-01-01", "gross_margin_rate": "0.70", "currency": "JPY"},
}
REQUIRED = tuple(DEFAULTS)[:7]
KEYS = {name: next(iter(defaults)) for name, defaults in DEFAULTS.items()}


class Company:
    """Raw files in the making; what a row does not say is taken from DEFAULTS, keys are numbered."""

    def __init__(self, folder: Path) -> None:
        """Begin with one product and no customer."""
        self.folder = folder
        self.rows: dict[str, list[dict[str, str]]] = {}
        self.add("products")

    def add(self, table: str, **values: object) -> str:
        """Add a row and give its key."""
        rows = self.rows.setdefault(table, [])
        key = KEYS[table]
        if table not in (
            "products",
            "features",
            "subscription_replacements",
            "subscription_pauses",
            "exchange_rates",
            "unit_economics",
        ):
            values.setdefault(key, f"{DEFAULTS[table][key]}{len(rows) + 1:04d}")
        rows.append(DEFAULTS[table] | {name: str(value) for name, value in values.items()})
        return rows[-1][key]

    def sell(self, account: str = "", **values: object) -> str:
        """Add a subscription with one item, and its account when none is named; give the account."""
        if not account:
            account = self.add("accounts")
        of_subscription = {name: values.pop(name) for name in list(values) if name in DEFAULTS["subscriptions"]}
        start = values.get("valid_from", DEFAULTS["subscriptions"]["started_at"])
        subscription = self.add("subscriptions", **{"account_id": account, "started_at": start} | of_subscription)
        values.setdefault("subscription_item_id", f"i-{subscription}")
        self.add("subscription_item_versions", subscription_id=subscription, **values)
        return account

    def world(self, as_of: str, time_zone: str = "UTC", currency: str = "JPY") -> World:
        """Write the files and read them as a world."""
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True)
        for table in {*REQUIRED, *self.rows}:
            with (self.folder / f"{table}.csv").open("w", encoding="utf-8", newline="") as file:
                writer = csv.DictWriter(file, fieldnames=list(DEFAULTS[table]))
                writer.writeheader()
                writer.writerows(self.rows.get(table, []))
        return World(self.folder, Settings(date.fromisoformat(as_of), time_zone, currency, home=None))


@pytest.fixture
def company(tmp_path: Path) -> Company:
    """Give a company without customers."""
    return Company(tmp_path / "raw")


def _row(world: World, metric_key: str, month: str, segment: tuple[str, str] = ("total", "total")):
    year, number = map(int, month.split("-"))
    wanted = (year * 12 + number - 1, *segment)
    return next(row for row in world.rows(metric_key) if row[:3] == wanted)


def _value(world: World, metric_key: str, month: str) -> str | None:
    value = _row(world, metric_key, month).value
    return None if value is None else f"{value.normalize():f}"


def _mrr(world: World, month: str) -> str:
    return _value(world, "mrr", month)


def _reasons(world: World, month: str) -> dict[str, int]:
    frame = movements(world)
    frame = frame[frame["month"] == date.fromisoformat(f"{month}-01")]
    return {row.reason or row.movement_type: int(row.amount_mrr) for row in frame.itertuples()}


# The golden fixture


@pytest.fixture(scope="module")
def golden() -> World:
    """Give the golden company."""
    return World(GOLDEN / "raw", Settings(date(2025, 12, 31), home=None))


def _expected(name: str) -> list[dict[str, str]]:
    with (GOLDEN / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize("cell", _expected("expected_metrics.csv"), ids=lambda cell: cell["metric_key"])
def test_every_metric_of_the_golden_company_is_exact(golden, cell):
    row = _row(golden, cell["metric_key"], cell["month"][:7])
    assert row.numerator == (Fraction(cell["numerator"]) if cell["numerator"] else None)
    assert row.denominator == (Fraction(cell["denominator"]) if cell["denominator"] else None)
    assert row.value == Decimal(cell["value"])


@pytest.mark.parametrize("cell", _expected("expected_months.csv"), ids=lambda cell: cell["month"])
def test_every_month_of_the_golden_company_is_exact(golden, cell):
    month = cell["month"][:7]
    frame = account_months(golden)
    frame = frame[frame["month"] == date.fromisoformat(cell["month"])]
    for column in cell:
        if column.endswith("_mrr"):
            assert frame[column].sum() == Decimal(cell[column]), column
    for metric_key in ("nrr_monthly", "grr_monthly", "logo_churn_rate"):
        assert _row(golden, metric_key, month).value == Decimal(cell[metric_key]), metric_key
    churn = _row(golden, "logo_churn_rate", month)
    assert churn.denominator == int(cell["opening_customers"])
    assert churn.numerator == int(cell["churned_customers"])


def test_every_metric_has_a_total_in_every_month_and_a_reason_exactly_where_it_has_no_value(golden):
    frame = metrics(golden)
    with (SEEDS / "metrics_listed.csv").open(encoding="utf-8", newline="") as file:
        listed = {row["metric_key"] for row in csv.DictReader(file)}
    assert set(frame["metric_key"]) == set(METRIC_KEYS) == listed
    totals = frame[frame["segment_type"] == "total"]
    assert len(totals) == len(listed) * 13
    assert not frame.duplicated(["metric_key", "month", "segment_type", "segment_value"]).any()
    assert (frame["null_reason"].isna() == frame["value"].notna()).all()
    assert (frame.loc[frame["segment_type"] != "total", "sample_size"] > 0).all()


def test_the_slices_of_a_metric_sum_to_its_total(golden):
    for metric_key in ("mrr", "nrr", "grr_strict", "logo_churn_rate", "revenue_churn_rate", "early_churn_rate"):
        for segment_type in ("plan_tier", "size_band", "industry", "country"):
            rows = [row for row in golden.rows(metric_key) if row.segment_type == segment_type]
            for total in (row for row in golden.rows(metric_key) if row.segment_type == "total"):
                slices = [row for row in rows if row.month == total.month]
                assert sum(row.numerator for row in slices) == total.numerator
                assert sum(row.sample_size for row in slices) == total.sample_size


# What a month end holds


@pytest.mark.parametrize(
    ("interval", "count", "quantity", "amount", "expected"),
    [
        ("year", 1, 1, 1_200_000, "100000"),
        ("year", 2, 1, 1_200_000, "50000"),
        ("month", 3, 1, 300, "100"),
        ("week", 1, 1, 100, "433.33"),
        ("day", 1, 1, 10, "304.17"),
        ("month", 1, "2.5", "0.002", "0.01"),
        ("month", 1, 10, 100, "1000"),
    ],
)
def test_an_interval_is_brought_to_a_month_and_rounded_once(company, interval, count, quantity, amount, expected):
    terms = {"billing_interval": interval, "interval_count": count, "quantity": quantity, "unit_amount": amount}
    company.sell(currency="USD", **terms)
    assert _mrr(company.world("2025-01-31", currency="USD"), "2025-01") == expected


def test_an_item_is_rounded_by_itself_and_figures_above_it_are_sums(company):
    account = company.sell(billing_interval="year", unit_amount="6")
    company.sell(account, billing_interval="year", unit_amount="6")
    assert _mrr(company.world("2025-01-31"), "2025-01") == "2"


@pytest.mark.parametrize(("kind", "expected"), [("recurring", "900"), ("limited", "1000"), ("", "1000")])
def test_only_a_recurring_discount_reduces_mrr_and_it_is_for_the_whole_line(company, kind, expected):
    company.sell(quantity=10, discount_amount=100, discount_kind=kind)
    assert _mrr(company.world("2025-01-31"), "2025-01") == expected


def test_a_change_inside_a_month_counts_at_its_end_without_proration(company):
    company.sell(valid_to="2025-02-20")
    company.add("subscription_item_versions", subscription_item_id="i-s0001", subscription_id="s0001",
                quantity=3, valid_from="2025-02-20")  # fmt: skip
    world = company.world("2025-02-28")
    assert (_mrr(world, "2025-01"), _mrr(world, "2025-02")) == ("100", "300")


def test_a_trial_carries_nothing_until_it_ends(company):
    company.sell(trial_ended_at="2025-03-24", valid_from="2025-03-01", started_at="2025-03-10")
    world = company.world("2025-03-31")
    assert _mrr(world, "2025-03") == "100"
    assert date_of(world.lives["a0001"].start_day) == date(2025, 3, 24)
    assert _mrr(company.world("2025-03-23"), "2025-03") == "0"


def test_trialing_without_an_end_of_trial_carries_nothing(company):
    company.sell(status="trialing")
    assert _mrr(company.world("2025-06-30"), "2025-06") == "0"


@pytest.mark.parametrize(("recurring", "metered"), [("false", "false"), ("true", "true"), ("false", "true")])
def test_one_time_and_metered_products_are_not_mrr(company, recurring, metered):
    company.add("products", product_id="other", is_recurring=recurring, is_metered=metered)
    company.sell(product_id="other")
    assert _mrr(company.world("2025-01-31"), "2025-01") == "0"


def test_a_past_due_or_cancelled_subscription_counts_until_its_service_ends(company):
    company.sell(status="past_due")
    company.sell(status="canceled", ended_at="2025-03-15", cancel_requested_at="2025-01-02")
    world = company.world("2025-03-31")
    assert [_mrr(world, month) for month in ("2025-01", "2025-02", "2025-03")] == ["200", "200", "100"]


def test_a_pause_is_churn_then_reactivation(company):
    company.sell()
    company.add("subscription_pauses", subscription_id="s0001", paused_from="2025-02-10", paused_to="2025-03-10")
    world = company.world("2025-03-31")
    assert [_mrr(world, month) for month in ("2025-01", "2025-02", "2025-03")] == ["100", "0", "100"]
    assert list(account_months(world)["movement_type"]) == ["new", "churn", "reactivation"]
    assert date_of(world.lives["a0001"].first_zero_day) == date(2025, 2, 10)


@pytest.mark.parametrize(("renewed", "expected"), [("2025-04-30", "100"), ("2025-05-01", "0")])
def test_a_late_renewal_bridges_thirty_days_and_not_thirty_one(company, renewed, expected):
    account = company.sell(status="canceled", ended_at="2025-03-31")
    company.sell(account, valid_from=renewed, replaces_subscription_id="s0001", unit_amount=120)
    world = company.world("2025-05-31")
    assert _mrr(world, "2025-03") == expected
    assert _mrr(world, "2025-05") == "120"


def _months(world: World, *months: str) -> list[str]:
    return [_mrr(world, month) for month in months]


def test_a_day_without_a_clock_starts_in_the_time_zone(company):
    company.sell(valid_from="2026-04-01")
    company.sell(valid_from="2026-01-01", valid_to="2026-05-01", unit_amount=7)
    world = company.world("2026-05-31", "America/New_York")
    assert _months(world, "2026-03", "2026-04", "2026-05") == ["7", "107", "100"]


@pytest.mark.parametrize(
    ("end", "start", "expected"),
    [
        ("2025-03-31", "2025-04-01", "100"),
        ("2025-03-30", "2025-04-01", "0"),
        ("2025-03-31", "2025-04-01 00:00:00", "0"),
        ("2025-03-31 00:00:00", "2025-04-01", "0"),
    ],
)
def test_a_day_before_the_next_start_is_no_gap(company, end, start, expected):
    account = company.sell(valid_to=end)
    company.sell("another")
    company.rows["subscriptions"].pop()
    company.rows["subscription_item_versions"][-1] |= {
        "subscription_id": "s0001", "subscription_item_id": "i-s0001", "valid_from": start,
    }  # fmt: skip
    assert account == "a0001"
    assert _months(company.world("2025-04-30"), "2025-02", "2025-03", "2025-04") == ["100", expected, "100"]


@pytest.mark.parametrize(
    ("trial", "expected"),
    [
        ({"trial_ended_at": "2025-04-03"}, ["0", "0", "0", "100"]),
        ({"trial_ended_at": "2025-04-04"}, ["100"] * 4),
        ({"trial_started_at": "2025-01-01", "trial_ended_at": "2025-04-25"}, ["0", "0", "0", "100"]),
        ({"trial_started_at": "2025-02-01", "trial_ended_at": "2025-03-01"}, ["100"] * 4),
    ],
)
def test_a_trial_that_is_an_offer_lowers_nothing(company, trial, expected):
    company.sell(**trial)
    company.sell(unit_amount=1)
    world = company.world("2025-04-30")
    assert [str(int(mrr) - 1) for mrr in _months(world, "2025-01", "2025-02", "2025-03", "2025-04")] == expected


def test_the_version_recorded_last_counts_where_it_holds(company):
    company.sell(unit_amount=10_000, recorded_at="2025-01-01")
    company.add("subscription_item_versions", subscription_item_id="i-s0001", subscription_id="s0001",
                unit_amount=8000, valid_from="2025-02-10", valid_to="2025-03-10", recorded_at="2025-04-10")  # fmt: skip
    months = ("2025-01", "2025-02", "2025-03", "2025-04")
    assert _months(company.world("2025-04-30"), *months) == ["10000", "8000", "10000", "10000"]
    assert _months(company.world("2025-04-09"), *months) == ["10000"] * 4


def test_an_order_withdrawn_before_its_first_day_is_nothing(company):
    company.sell(status="canceled", valid_from="2025-03-10", ended_at="2025-03-01", valid_to="2025-03-01")
    company.sell()
    world = company.world("2025-04-30")
    assert _mrr(world, "2025-04") == "100"
    assert world.everybodys["subscription_item_versions"].num_rows == 2


def test_a_renewal_before_the_end_takes_over(company):
    year = {"billing_interval": "year", "unit_amount": 144_000}
    account = company.sell(status="canceled", valid_from="2024-04-10", ended_at="2025-04-10", **year)
    company.sell(account, valid_from="2025-03-15", replaces_subscription_id="s0001", **year)
    assert _months(company.world("2025-04-30"), "2025-02", "2025-03", "2025-04") == ["12000"] * 3


def test_lineage_is_many_to_many_and_goes_through_what_has_no_price(company):
    account = company.sell(status="canceled", ended_at="2025-03-25")
    company.sell(account, status="canceled", ended_at="2025-03-25")
    company.sell(account, valid_from="2025-04-04", ended_at="2025-04-10", unit_amount=0)
    company.sell(account, valid_from="2025-04-30", unit_amount=200, replaces_subscription_id="s0003")
    for old in ("s0001", "s0002"):
        company.add("subscription_replacements", subscription_id="s0003", replaces_subscription_id=old)
    assert _months(company.world("2025-04-30"), "2025-03", "2025-04") == ["200", "200"]
    company.rows["subscription_item_versions"][-1]["valid_from"] = "2025-05-01"
    assert _months(company.world("2025-05-31"), "2025-03", "2025-05") == ["0", "200"]


def test_lineage_back_in_time_is_not_followed(company):
    account = company.sell(status="canceled", ended_at="2025-03-25", replaces_subscription_id="s0002")
    company.sell(account, valid_from="2025-04-05", replaces_subscription_id="s0001")
    assert _months(company.world("2025-04-30"), "2025-02", "2025-03", "2025-04") == ["100"] * 3


def test_prices_of_twelve_decimals_are_exact_and_none_becomes_nothing(company):
    company.sell(unit_amount="0.00045", quantity=2_000_000)
    company.sell(unit_amount="0.00004", quantity=10_000_000)
    company.sell(unit_amount="0.0000000000001", quantity=10_000_000)
    world = company.world("2025-01-31")
    assert _mrr(world, "2025-01") == "1300"
    assert world.everybodys["subscription_item_versions"].num_rows == 2


def test_what_rounds_to_nothing_is_no_start(company):
    company.add("exchange_rates", rate="150")
    company.add("exchange_rates", rate_date="2025-03-20", rate="200")
    company.sell(unit_amount="0.003", currency="USD")
    company.sell(unit_amount="0.49")
    world = company.world("2025-04-30")
    assert {name: date_of(life.start_day) for name, life in world.lives.items()} == {"a0001": date(2025, 3, 1)}
    assert date_of(first_day(world.months[0])) == date(2025, 3, 1)


def test_of_a_pause_written_twice_the_longer_one_holds(company):
    company.sell()
    for end in ("2025-03-01", "2025-04-01", "2025-03-15"):
        company.add("subscription_pauses", subscription_id="s0001", paused_from="2025-02-05", paused_to=end)
    assert _months(company.world("2025-04-30"), "2025-01", "2025-02", "2025-03", "2025-04") == ["100", "0", "0", "100"]


def test_a_late_renewal_is_not_known_before_it_starts(company):
    account = company.sell(status="canceled", ended_at="2025-03-31")
    company.sell(account, valid_from="2025-04-30", replaces_subscription_id="s0001")
    assert _mrr(company.world("2025-04-15"), "2025-03") == "0"
    assert _mrr(company.world("2025-04-30"), "2025-03") == "100"


def test_a_return_without_lineage_is_a_gap(company):
    account = company.sell(status="canceled", ended_at="2025-03-31")
    company.sell(account, valid_from="2025-04-10")
    assert _mrr(company.world("2025-04-30"), "2025-03") == "0"


def test_a_renewal_for_nothing_carries_nothing(company):
    account = company.sell(status="canceled", ended_at="2025-03-31")
    company.sell(account, valid_from="2025-04-10", replaces_subscription_id="s0001", unit_amount=0)
    assert _mrr(company.world("2025-04-30"), "2025-03") == "0"


def test_of_several_renewals_the_earliest_counts(company):
    account = company.sell(status="canceled", ended_at="2025-03-31")
    company.sell(account, valid_from="2025-03-01", replaces_subscription_id="s0001", unit_amount=50)
    company.sell(account, valid_from="2025-04-10", replaces_subscription_id="s0001", unit_amount=50)
    assert _mrr(company.world("2025-04-30"), "2025-03") == "50"


def test_a_pause_cuts_what_a_late_renewal_carries(company):
    account = company.sell(status="canceled", ended_at="2025-03-31")
    company.sell(account, valid_from="2025-04-30", replaces_subscription_id="s0001")
    company.add("subscription_pauses", subscription_id="s0001", paused_from="2025-03-20", paused_to="2025-04-05")
    assert _mrr(company.world("2025-04-30"), "2025-03") == "0"


@pytest.mark.parametrize(
    ("end", "expected"),
    [
        ("2025-03-31 15:00:00", "100"),  # 1 April, 00:00 in Tokyo
        ("2025-03-31 14:59:59", "100"),  # the last second of March reads as that midnight
        ("2025-03-31 14:59:00", "100"),
        ("2025-03-31 14:58:59", "0"),
    ],
)
def test_an_end_in_the_last_minute_of_a_month_counts_in_it(company, end, expected):
    company.sell(valid_to=end)
    assert _mrr(company.world("2025-04-30", "Asia/Tokyo"), "2025-03") == expected


def test_an_end_in_the_last_minute_stays_when_the_next_version_starts_there(company):
    company.sell(valid_to="2025-03-31 23:59:59")
    company.add("subscription_item_versions", subscription_item_id="i-s0001", subscription_id="s0001",
                valid_from="2025-03-31 23:59:59", valid_to="2025-03-31 23:59:59")  # fmt: skip
    assert _mrr(company.world("2025-04-30"), "2025-03") == "0"


def test_a_change_at_half_past_three_in_the_afternoon_of_utc_is_the_next_day_in_tokyo(company):
    company.sell(valid_from="2025-03-31T15:30:00Z")
    tokyo = company.world("2025-04-30", "Asia/Tokyo")
    assert tokyo.months == range(2025 * 12 + 3, 2025 * 12 + 4)
    assert _mrr(company.world("2025-04-30", "UTC"), "2025-03") == "100"


def test_an_end_after_the_as_of_date_is_open(company):
    company.sell(valid_to="2026-03-31T15:30:00Z")
    world = company.world("2026-03-31", "Asia/Tokyo")
    assert _mrr(world, "2026-03") == "100"
    assert world.lives["a0001"].first_zero_day > world.clock.as_of


def test_a_version_that_is_recorded_after_the_as_of_date_is_not_known(company):
    company.sell(recorded_at="2025-01-05", _updated_at="2025-01-05", item_version_id="v")
    company.add("subscription_item_versions", item_version_id="v", subscription_item_id="i-s0001",
                subscription_id="s0001", quantity=9, recorded_at="2025-02-10", _updated_at="2025-02-10")  # fmt: skip
    assert _mrr(company.world("2025-02-09"), "2025-02") == "100"
    assert _mrr(company.world("2025-02-10"), "2025-02") == "900"


def test_children_roll_up_and_internal_accounts_are_left_out_with_all_below_them(company):
    root = company.sell()
    company.sell(company.add("accounts", parent_account_id=root))
    company.sell(company.add("accounts", parent_account_id=root, is_internal="true"))
    ours = company.add("accounts", is_internal="true")
    company.sell(company.add("accounts", parent_account_id=ours))
    row = _row(company.world("2025-01-31"), "mrr", "2025-01")
    assert (row.numerator, row.sample_size) == (200, 1)


def test_without_any_mrr_only_the_as_of_month_is_shown(company):
    company.sell(unit_amount=0)
    assert company.world("2025-06-15").months == range(2025 * 12 + 5, 2025 * 12 + 6)


# Currency


def test_a_plan_rate_that_changes_is_fx_and_not_a_movement(company):
    company.sell(currency="USD", unit_amount=1000)
    company.add("exchange_rates", rate=150)
    company.add("exchange_rates", rate=160, rate_date="2025-02-01")
    company.add("exchange_rates", rate=140, rate_date="2025-02-28", rate_type="month_end")
    world = company.world("2025-02-28")
    last = account_months(world).iloc[-1]
    assert (last["opening_mrr"], last["fx_mrr"], last["closing_mrr"]) == (150_000, 10_000, 160_000)
    assert last["movement_type"] == "none"
    assert _reasons(world, "2025-02") == {"fx": 10_000}
    assert _row(world, "nrr_monthly", "2025-02").denominator == 160_000


def test_a_missing_rate_names_currency_and_month(company):
    company.sell(currency="USD")
    company.add("exchange_rates", rate_date="2025-02-01")
    with pytest.raises(MissingRateError, match=r"USD.*2025-01"):
        recompute(company.world("2025-02-28").raw_folder, Settings(date(2025, 2, 28), "UTC", "JPY", home=None))


# Movements and their reasons


@pytest.mark.parametrize(
    ("previous", "current", "has_paid", "expected"),
    [
        (0, 0, False, "none"),
        (0, 0, True, "none"),
        (0, 5, False, "new"),
        (0, 5, True, "reactivation"),
        (5, 0, True, "churn"),
        (5, 5, True, "none"),
        (5, 6, True, "expansion"),
        (5, 4, True, "contraction"),
    ],
)
def test_the_truth_table_decides_the_movement(previous, current, has_paid, expected):
    assert movement_type(previous, current, has_paid) == expected


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ({"quantity": 10}, {"quantity": 12, "unit_amount": 110}, {"seat": 200, "price": 120}),
        ({"quantity": 10}, {"quantity": 8, "unit_amount": 120}, {"seat": -200, "price": 160}),
        (
            {"quantity": 5, "unit_amount": 1000},
            {"quantity": 6, "unit_amount": 1500, "product_id": "core-2"},
            {"seat": 1000, "tier": 3000},
        ),
        (
            {"quantity": 10, "discount_amount": 100, "discount_kind": "recurring"},
            {"quantity": 10},
            {"discount": 100},
        ),
        (
            # 33.333 to 66.667 a month: the parts round to 33 and 0, MRR moves from 33 to 67; the rest goes to seat.
            {"billing_interval": "year", "unit_amount": 400},
            {"billing_interval": "year", "unit_amount": 400, "quantity": 2},
            {"seat": 34},
        ),
        ({"quantity": 2}, {"quantity": 1, "unit_amount": 200}, {}),
    ],
)
def test_a_matched_item_splits_its_change_into_reasons(company, before, after, expected):
    company.add("products", product_id="core-2", tier_rank=2)
    company.sell(valid_to="2025-02-01", **before)
    company.add("subscription_item_versions", subscription_item_id="i-s0001", subscription_id="s0001",
                valid_from="2025-02-01", **after)  # fmt: skip
    assert _reasons(company.world("2025-02-28"), "2025-02") == expected


@pytest.mark.parametrize(
    ("product_id", "expected"),
    [("analytics", {"cross_sell": 1200}), ("core-2", {"tier": 1200}), ("core-1", {"seat": 1200})],
)
def test_an_item_without_a_partner_is_named_by_what_was_held_before(company, product_id, expected):
    company.add("products", product_id="core-2", tier_rank=2)
    company.add("products", product_id="analytics", product_family="analytics")
    account = company.sell()
    company.sell(account, product_id=product_id, quantity=3, unit_amount=400, valid_from="2025-02-01")
    assert _reasons(company.world("2025-02-28"), "2025-02") == expected


def test_an_item_that_is_paused_beside_others_is_a_contraction_by_pause(company):
    account = company.sell()
    company.sell(account)
    company.add("subscription_pauses", subscription_id="s0002")
    world = company.world("2025-02-28")
    assert _reasons(world, "2025-02") == {"pause": -100}
    assert account_months(world).iloc[-1]["movement_type"] == "contraction"


def test_an_item_that_changes_family_is_removed_and_added(company):
    company.add("products", product_id="analytics", product_family="analytics")
    company.sell(valid_to="2025-02-01")
    company.add("subscription_item_versions", subscription_item_id="i-s0001", subscription_id="s0001",
                product_id="analytics", unit_amount=150, valid_from="2025-02-01")  # fmt: skip
    assert _reasons(company.world("2025-02-28"), "2025-02") == {"cross_sell": 50}


def test_upsell_is_more_seats_and_higher_tiers_on_the_whole_and_cross_sell_another_family(company):
    company.add("products", product_id="core-2", tier_rank=2)
    company.add("products", product_id="analytics", product_family="analytics")
    after = {
        "more_seats": {"quantity": 12},
        "dearer": {"unit_amount": 110},
        "fewer_seats_of_more": {"product_id": "core-2", "quantity": 4, "unit_amount": 150},
        "more_products": {},
        "more_of_both": {"quantity": 11},
        "gone": None,
    }
    for change in after.values():
        account = company.sell(quantity=10, valid_to="2025-02-01")
        subscription = company.rows["subscriptions"][-1]["subscription_id"]
        if change is not None:
            company.add("subscription_item_versions", subscription_item_id=f"i-{subscription}",
                        subscription_id=subscription, valid_from="2025-02-01", **{"quantity": 10} | change)  # fmt: skip
        extra = {"more_products": 300, "more_of_both": 50}.get(list(after)[len(company.rows["accounts"]) - 1])
        if extra:
            company.sell(account, product_id="analytics", unit_amount=extra, valid_from="2025-02-01")
    company.sell(unit_amount=700, valid_from="2025-02-01")
    world = company.world("2025-02-28")
    found = {key: _row(world, key, "2025-02") for key in (*_SALES, "new_customers", "new_mrr")}
    assert {key: (found[key].numerator, found[key].denominator) for key in _SALES} == _SALES
    assert (found["new_customers"].value, found["new_mrr"].value) == (1, 700)


_SALES = {
    "upsell_rate": (2, 6),
    "cross_sell_rate": (2, 6),
    "upsell_cross_sell_rate": (3, 6),
    "upsell_mrr_rate": (300, 6000),
    "cross_sell_mrr_rate": (350, 6000),
}


def test_movements_sum_to_closing_less_opening(golden):
    moved = movements(golden).groupby(["account_id", "month"])["amount_mrr"].sum()
    months = account_months(golden).set_index(["account_id", "month"])
    assert (moved == (months["closing_mrr"] - months["opening_mrr"]).loc[moved.index]).all()


# Retention


def test_a_discount_that_fell_away_counts_as_price_uplift(company):
    company.sell(quantity=10, discount_amount=100, discount_kind="recurring", valid_to="2025-06-01")
    company.add("subscription_item_versions", subscription_item_id="i-s0001", subscription_id="s0001",
                quantity=10, valid_from="2025-06-01")  # fmt: skip
    world = company.world("2026-01-31")
    assert _row(world, "nrr_ex_price", "2026-01").numerator == 900
    assert _row(world, "nrr", "2026-01").numerator == 1000


def test_a_window_is_sliced_by_its_start(company):
    company.sell(valid_to="2025-06-10", unit_amount=40_000)
    company.add("subscription_item_versions", subscription_item_id="i-s0001", subscription_id="s0001",
                unit_amount=400_000, valid_from="2025-06-10")  # fmt: skip
    world = company.world("2026-01-31")
    assert _row(world, "mrr", "2025-06", ("size_band", "S")).numerator == 400_000
    assert _row(world, "mrr", "2025-07", ("size_band", "M")).numerator == 400_000
    assert _row(world, "nrr", "2026-01", ("size_band", "S")).denominator == 40_000


def test_the_plan_is_the_tier_of_the_largest_item_and_of_equal_ones_the_highest(company):
    company.add("products", product_id="core-2", tier_rank=2)
    company.add("products", product_id="core-3", tier_rank=3)
    account = company.sell(product_id="core-1", unit_amount=200)
    company.sell(account, product_id="core-2", unit_amount=200)
    company.sell(account, product_id="core-3", unit_amount=100)
    assert _row(company.world("2025-01-31"), "mrr", "2025-01", ("plan_tier", "2")).sample_size == 1


def test_a_compounded_rate_is_null_while_a_month_is_missing(company):
    company.sell()
    world = company.world("2026-01-31")
    assert _row(world, "nrr_compounded", "2025-12").null_reason == "missing_month"
    assert _value(world, "nrr_compounded", "2026-01") == "1"


def test_a_rate_over_nobody_is_null_and_not_zero(company):
    company.sell()
    row = _row(company.world("2025-01-31"), "logo_churn_rate", "2025-01")
    assert (row.numerator, row.denominator, row.value, row.null_reason) == (0, 0, None, "no_customers")


@pytest.mark.parametrize(("ended", "lost"), [("2025-08-02", 1), ("2025-08-03", 0)])
def test_early_churn_counts_dates_and_not_month_ends(company, ended, lost):
    company.sell()
    company.sell(valid_from="2025-05-03", valid_to=ended)
    world = company.world("2025-08-31")
    row = _row(world, "early_churn_rate", "2025-08")
    assert (row.numerator, row.denominator) == (lost, 1)


def test_who_starts_and_leaves_within_one_month_is_early_churn(company):
    company.sell()
    company.sell(valid_from="2025-05-03 10:00", valid_to="2025-05-09 12:00")
    company.sell("a0002", valid_from="2025-05-20", valid_to="2025-05-25")
    world = company.world("2025-08-31")
    assert date_of(world.lives["a0002"].first_zero_day) == date(2025, 5, 9)
    assert _value(world, "early_churn_rate", "2025-08") == "1"
    assert _row(company.world("2025-08-30"), "early_churn_rate", "2025-08").null_reason == "month_incomplete"


def test_three_months_after_the_last_of_november_is_the_last_of_february():
    assert date_of(add_months(day_of(date(2025, 11, 30)), 3)) == date(2026, 2, 28)
    assert date_of(add_months(day_of(date(2027, 11, 30)), 3)) == date(2028, 2, 29)


# Lifetime value


@pytest.mark.parametrize(("lost_a_year", "expected"), [(24, "1680000"), (16, "2520000"), (0, "4200000")])
def test_ltv_is_arpa_times_lifetime_times_margin(company, lost_a_year, expected):
    month_starts = [f"{2025 + month // 12}-{month % 12 + 1:02d}-01" for month in range(13)]
    company.add("unit_economics")
    for _ in range(48 - lost_a_year):
        company.sell(unit_amount=100_000)
    for number in range(lost_a_year):
        changed = month_starts[1 + number % 12]
        company.sell(unit_amount=100_000, valid_to=f"{changed} 10:00")
        company.sell(unit_amount=100_000, valid_from=f"{changed} 10:00")
    world = company.world("2026-01-31")
    assert _value(world, "ltv", "2026-01") == expected
    assert _row(world, "ltv", "2025-12").null_reason == "insufficient_history"
    assert Fraction(_value(world, "ltv", "2026-01")) == Fraction(_value(world, "ltv_revenue", "2026-01")) * 7 / 10


def test_ltv_says_why_it_is_null(company):
    for _ in range(29):
        company.sell()
    assert _row(company.world("2026-01-31"), "ltv_revenue", "2026-01").null_reason == "too_few_customers"
    company.sell()
    world = company.world("2026-01-31")
    assert _row(world, "ltv", "2026-01").null_reason == "no_gross_margin"
    assert _value(world, "ltv_revenue", "2026-01") == "6000"


# Surveys


def test_nps_of_the_worked_example_is_plus_ten(company):
    account = company.sell()
    for score in (10, 10, 9, 9, 8, 8, 7, 6, 3, 0):
        company.add("survey_responses", account_id=account, score=score)
    row = _row(company.world("2025-01-31"), "nps", "2025-01")
    assert (row.numerator, row.denominator, row.value) == (100, 10, 10)


def test_nps_takes_the_latest_answer_of_a_respondent_and_is_null_with_too_few(company):
    account = company.sell()
    company.add("survey_responses", account_id=account, respondent_id="p", score=0, responded_at="2025-01-10")
    company.add("survey_responses", account_id=account, respondent_id="p", score=10, responded_at="2025-01-11")
    company.add("survey_responses", account_id=account, respondent_id="p", score=0, responded_at="2025-02-01")
    row = _row(company.world("2025-01-31"), "nps", "2025-01")
    assert (row.numerator, row.denominator, row.value, row.null_reason) == (100, 1, None, "too_few_answers")


def test_answers_count_for_ninety_local_days(company):
    account = company.sell()
    scale = {"survey_type": "csat", "scale_min": 1, "scale_max": 5, "account_id": account}
    company.add("survey_responses", score=5, responded_at="2025-01-31", **scale)
    world = company.world("2025-05-01")
    assert _row(world, "csat", "2025-04").sample_size == 1
    assert _row(world, "csat", "2025-05").null_reason == "no_answers"


def test_ces_of_the_worked_example_is_seventy_percent_and_five(company):
    account = company.sell()
    for score in (7, 6, 5, 5, 4, 3, 7, 6, 2, 5):
        company.add("survey_responses", account_id=account, survey_type="ces", score=score, scale_min=1, scale_max=7)
    world = company.world("2025-01-31")
    assert (_value(world, "ces", "2025-01"), _value(world, "ces_mean", "2025-01")) == ("0.7", "5")


def test_a_score_on_another_scale_is_not_pooled(company):
    account = company.sell()
    company.add("survey_responses", account_id=account, survey_type="ces", score=5, scale_min=1, scale_max=5)
    assert _row(company.world("2025-01-31"), "ces", "2025-01").sample_size == 0


# Onboarding and usage


def test_onboarding_of_the_worked_example_is_sixty_percent(company):
    for number in range(20):
        left = {"valid_to": "2025-01-20"} if 15 <= number < 17 else {}
        account = company.sell(valid_from="2025-01-05", **left)
        done = "2025-01-25" if number < 12 else "2025-05-01" if number < 15 else ""
        company.add("onboarding_milestones", account_id=account, completed_at=done)
        company.add("usage_events", account_id=account, occurred_at="2025-01-26")
        company.add("usage_events", account_id=account, occurred_at="2025-05-20")
    world = company.world("2025-06-30")
    row = _row(world, "onboarding_completion_rate", "2025-01")
    assert (row.numerator, row.denominator, row.value) == (12, 20, Decimal("0.6"))
    assert _row(world, "onboarding_completion_rate", "2025-04").null_reason == "not_matured"
    assert _row(world, "onboarding_completion_rate", "2025-02").null_reason == "no_customers"


@pytest.mark.parametrize(
    ("event", "completed"),
    [
        ({"occurred_at": "2025-01-20"}, 0),  # the day of the last milestone itself
        ({"occurred_at": "2025-01-21"}, 1),
        ({"occurred_at": "2025-01-21", "user_id": "staff"}, 0),
        ({"occurred_at": "2025-04-01"}, 1),  # start + 90 days
        ({"occurred_at": "2025-04-02"}, 0),
    ],
)
def test_onboarding_needs_use_on_a_later_day_by_somebody_of_the_customers(company, event, completed):
    account = company.sell()
    company.add("users", user_id="staff", account_id=account, is_internal="true")
    company.add("onboarding_milestones", account_id=account, completed_at="2025-01-20")
    company.add("usage_events", account_id=account, **event)
    assert _row(company.world("2025-05-31"), "onboarding_completion_rate", "2025-01").numerator == completed


def test_onboarding_without_any_event_is_unknown_and_a_customer_without_milestones_is_left_out(company):
    company.add("onboarding_milestones", account_id=company.sell(), completed_at="2025-01-20")
    company.sell()
    row = _row(company.world("2025-05-31"), "onboarding_completion_rate", "2025-01")
    assert (row.numerator, row.sample_size, row.null_reason) == (None, 1, "no_data")


def test_time_to_value_is_the_kaplan_meier_median_twenty_and_not_fifteen(company):
    for days in (5, 10, 20, 40, None):
        account = company.sell()
        done = "" if days is None else date(2025, 1, 1) + timedelta(days=days)
        company.add("onboarding_milestones", account_id=account, completed_at=done)
    company.sell(valid_from="2025-01-02", valid_to="2025-01-31")
    company.rows["subscriptions"][4] |= {"ended_at": "2025-01-31", "status": "canceled"}
    assert _value(company.world("2025-03-31"), "time_to_value_days", "2025-03") == "20"
    assert kaplan_meier_median([(5, True), (10, True), (20, True), (40, True), (30, False)]) == 20
    assert kaplan_meier_median([(5, True), (10, False), (10, False)]) is None


def test_value_reached_before_the_start_is_day_zero_and_none_reached_is_above_half(company):
    account = company.sell()
    company.add("onboarding_milestones", account_id=account, completed_at="2024-12-20")
    assert _value(company.world("2025-01-31"), "time_to_value_days", "2025-01") == "0"
    company.rows["onboarding_milestones"][0]["completed_at"] = ""
    assert _row(company.world("2025-01-31"), "time_to_value_days", "2025-01").null_reason == "above_half"


def test_an_account_is_active_by_a_core_event_of_its_own_users(company):
    for _ in range(4):
        company.sell()
    company.sell(valid_from="2025-01-04")  # too young to be asked at the end of January
    company.add("features")
    company.add("features", feature_key="help", is_core="false")
    company.add("users", user_id="staff", account_id="a0002", is_internal="true")
    company.add("usage_events", account_id="a0001", occurred_at="2025-01-04")
    company.add("usage_events", account_id="a0002", user_id="staff")
    company.add("usage_events", account_id="a0003", feature_key="help")
    company.add("usage_events", account_id="a0004", occurred_at="2025-01-03 23:59:59")
    world = company.world("2025-02-28")
    row = _row(world, "active_account_rate", "2025-01")
    assert (row.numerator, row.denominator) == (1, 4)
    assert _row(world, "active_account_rate", "2025-02").null_reason == "no_data"
    for key, parts in {"product_usage_rate": (1, 4), "usage_days": (1, 4), "usage_depth_rate": (2, 8)}.items():
        row = _row(world, key, "2025-01")
        assert (row.numerator, row.denominator, row.sample_size) == (*parts, 4), key


def test_where_no_feature_is_core_there_is_nothing_to_use(company):
    company.sell()
    company.add("features", is_core="false", is_high_value="false")
    company.add("usage_events", account_id="a0001")
    world = company.world("2025-01-31")
    assert _row(world, "product_usage_rate", "2025-01").null_reason == "no_features"
    assert _row(world, "usage_depth_rate", "2025-01").null_reason == "no_features"
    assert _value(world, "usage_days", "2025-01") == "0"


# Health


def test_a_component_score_lies_on_the_line_through_its_thresholds():
    rising, falling = (Fraction(0), Fraction(4), Fraction(12)), (Fraction(168), Fraction(72), Fraction(8))
    assert [component_score(days, rising) for days in (0, 2, 4, 8, 12, 20)] == [
        0, 250_000, 500_000, 750_000, 1_000_000, 1_000_000]  # fmt: skip
    assert [component_score(hours, falling) for hours in (200, 120, 72, 40, 8, 0)] == [
        0, 250_000, 500_000, 750_000, 1_000_000, 1_000_000]  # fmt: skip
    assert Component(Fraction(1), rising).score(None) is None


def test_a_missing_component_is_left_out_of_the_weighted_mean():
    names = ("frequency", "depth", "support", "contract", "sentiment", "engagement")
    weights = dict(zip(names, map(Fraction, ("0.25", "0.20", "0.15", "0.10", "0.15", "0.15")), strict=True))
    scores = dict(zip(names, (800_000, 600_000, None, 700_000, 500_000, 400_000), strict=True))
    assert weighted(scores, weights) == (617_647, Fraction("0.85"))
    assert weighted(dict.fromkeys(names), weights) == (None, 0)


def _healthy(company: Company) -> str:
    """Add a customer with every usage component at its best."""
    account = company.sell()
    for number in range(12):
        company.add("usage_events", account_id=account, occurred_at=f"2025-01-{10 + number}")
    return account


def _health(world: World):
    return next(health for health in world.health if health.month == 2025 * 12)


def test_usage_alone_is_enough_for_a_tier(company):
    _healthy(company)
    health = _health(company.world("2025-01-31"))
    assert (health.score, health.coverage, health.tier) == (1_000_000, Fraction("0.45"), "healthy")


def test_without_a_usage_feed_the_tier_is_unknown(company):
    account = company.sell()
    company.add("contracts", account_id=account)
    company.add("survey_responses", account_id=account)
    health = _health(company.world("2025-01-31"))
    assert (health.score, health.tier, health.components["frequency"]) == (1_000_000, "unknown", None)


def test_tickets_count_from_opening_to_resolution_or_to_the_month_end(company):
    account = company.sell()
    company.add("support_tickets", account_id=account, opened_at="2025-01-10", resolved_at="2025-01-10 08:00")
    company.add("support_tickets", account_id=account, opened_at="2025-01-29")  # open for 72 hours
    health = _health(company.world("2025-01-31"))
    assert health.components["support"] == 750_000  # the middle of 8 and 72 hours


@pytest.mark.parametrize(
    ("terms", "request_", "expected"),
    [
        (["true"], "", 1_000_000),
        (["true", "false"], "", 500_000),
        (["true"], "2025-01-31", 0),
        (["true"], "2025-02-01", 1_000_000),
        ([], "2025-01-31", None),
    ],
)
def test_a_contract_is_worth_what_its_renewal_promises(company, terms, request_, expected):
    account = company.sell(cancel_requested_at=request_)
    for auto_renew in terms:
        company.add("contracts", account_id=account, auto_renew=auto_renew)
    assert _health(company.world("2025-02-28")).components["contract"] == expected


def test_sentiment_is_one_mean_over_nps_and_csat(company):
    account = company.sell()
    company.add("survey_responses", account_id=account, score=8)
    scale = {"survey_type": "csat", "scale_min": 1, "scale_max": 5}
    company.add("survey_responses", account_id=account, score=3, **scale)
    company.add("survey_responses", account_id=account, score=2, **scale)
    assert _health(company.world("2025-01-31")).components["sentiment"] == 516_667  # (80 + 50 + 25) / 3


@pytest.mark.parametrize(
    ("amount", "employees", "expected"), [(100, "", None), (100, 1000, 500_000), (100_000, "", 500_000)]
)
def test_engagement_is_asked_of_customers_with_a_human_touch_only(company, amount, employees, expected):
    account = company.sell(company.add("accounts", employee_count=employees), unit_amount=amount)
    company.add("engagement_activities", account_id=account)
    company.add("engagement_activities", account_id=account, attended="false")
    assert _health(company.world("2025-01-31")).components["engagement"] == expected


@pytest.mark.parametrize(
    ("line", "tier"),
    [
        ({"due_at": "2025-01-02"}, "healthy"),  # 29 days unpaid
        ({"due_at": "2025-01-01"}, "watch"),
        ({"due_at": "2025-01-01", "paid_at": "2025-01-31", "status": "paid"}, "healthy"),
        ({"due_at": "2025-01-01", "paid_at": "2025-02-01", "status": "paid"}, "watch"),
        ({"due_at": "2025-01-01", "status": "void"}, "healthy"),
        ({"due_at": "2025-01-01", "status": "paid"}, "healthy"),
        ({"due_at": "2025-01-01", "amount_ex_tax": "-100"}, "healthy"),
        ({"due_at": "2025-01-01", "credit_note_of": "l0002"}, "healthy"),
        ({"due_at": "2024-07-05"}, "healthy"),  # expired
        ({"due_at": "2025-01-01", "issued_at": "2025-03-01"}, "healthy"),  # nobody knows of it yet
        ({"due_at": ""}, "healthy"),
    ],
)
def test_an_unpaid_invoice_caps_the_tier_for_a_time(company, line, tier):
    company.add("invoice_lines", account_id=_healthy(company), **line)
    assert _health(company.world("2025-02-28")).tier == tier


def test_a_bill_that_ends_on_the_day_of_the_next_ends_the_day_before_and_credits_explain_what_they_lower(company):
    account = company.sell(unit_amount=100_000)
    for month in (1, 2, 3):
        period = {"service_from": f"2025-0{month}-01", "service_to": f"2025-0{month + 1}-01", "issued_at": "2025-01-01"}
        bill = {"account_id": account, "subscription_item_id": "i-s0001", "due_at": ""} | period
        company.add("invoice_lines", amount_ex_tax=100_000, **bill)
    company.add("invoice_lines", amount_ex_tax=-5000, credit_note_of="l0003", **bill)
    classes = TieOuts(company.world("2025-03-31")).classes()
    walks = {
        month % 12 + 1: {name: amount for name, amount in walk.items() if amount}
        for (_, month), walk in classes.items()
    }
    assert walks[1] == walks[2] == {"invoiced": 100_000, "mrr": 100_000}
    assert walks[3] == {"invoiced": 95_000, "mrr": 100_000, "credit_note": 5000}


def test_a_request_to_cancel_caps_the_tier_until_the_subscription_ends(company):
    account = _healthy(company)
    company.sell(account, cancel_requested_at="2025-01-20", ended_at="2025-02-10", status="canceled")
    world = company.world("2025-02-15")
    assert _health(world).tier == "at_risk"
    row = _row(world, "healthy_account_rate", "2025-01")
    assert (row.numerator, row.denominator) == (0, 1)
    row = _row(world, "mrr_at_risk", "2025-01")
    assert (row.value, row.sample_size) == (200, 1)


# Acceptance


@pytest.mark.parametrize(
    ("change", "rows"),
    [
        ({}, 2),
        ({"quantity": "-1"}, 1),
        ({"quantity": "many"}, 1),
        ({"interval_count": "0"}, 1),
        ({"interval_count": "1.5"}, 1),
        ({"interval_count": "1.00"}, 2),
        ({"billing_interval": "fortnight"}, 1),
        ({"currency": "XXX"}, 1),
        ({"product_id": "none"}, 1),
        ({"subscription_id": "none"}, 1),
        ({"valid_from": ""}, 1),
        ({"valid_from": "2040-01-01"}, 1),
        ({"valid_to": "9999-12-31"}, 2),
        ({"valid_to": "2024-12-31"}, 1),
        ({"valid_to": "2025-01-01"}, 2),
        ({"discount_amount": "101", "discount_kind": "recurring"}, 1),
        ({"discount_amount": "101", "discount_kind": "limited"}, 2),
        ({"_is_deleted": "true"}, 1),
        ({"_is_deleted": "maybe"}, 1),
        ({"subscription_item_id": "i-s0001"}, 0),
        ({"subscription_item_id": "i-s0001", "quantity": "-1"}, 1),
        ({"item_version_id": "v0001"}, 0),
        ({"item_version_id": "v0001", "_updated_at": "2025-01-02"}, 1),
    ],
)
def test_a_version_that_breaks_a_rule_does_not_count(company, change, rows):
    company.sell(company.sell(), subscription_item_id="other")
    company.rows["subscription_item_versions"][1] |= change
    assert company.world("2025-01-31").accepted["subscription_item_versions"].num_rows == rows


def test_of_two_versions_with_one_key_the_one_recorded_later_stays(company):
    company.sell(item_version_id="v", recorded_at="2025-01-01")
    company.add("subscription_item_versions", item_version_id="v", subscription_item_id="i-s0001",
                subscription_id="s0001", quantity=2, recorded_at="2025-01-02")  # fmt: skip
    assert _mrr(company.world("2025-01-31"), "2025-01") == "200"


def test_a_rate_of_nothing_and_a_period_inside_a_month_do_not_count(company):
    company.add("exchange_rates", rate="0")
    company.add("exchange_rates", rate="0.00000001", rate_date="2025-01-02")
    company.add("unit_economics", period="2025-01-02")
    accepted = company.world("2025-01-31").accepted
    assert (accepted["exchange_rates"].num_rows, accepted["unit_economics"].num_rows) == (1, 0)


def test_exact_copies_collapse_and_a_deleted_key_is_gone(company):
    company.sell(_updated_at="2025-01-01")
    copies = company.rows["subscription_item_versions"]
    copies.append(dict(copies[0]))
    assert _mrr(company.world("2025-01-31"), "2025-01") == "100"
    copies.append(copies[0] | {"_updated_at": "2025-01-02", "_is_deleted": "true"})
    assert _mrr(company.world("2025-01-31"), "2025-01") == "0"


def test_what_refers_to_a_rejected_row_is_rejected_too(company):
    company.sell(company.add("accounts", billing_currency="XXX"))
    parent = company.add("accounts", parent_account_id="a0003")
    company.sell(company.add("accounts", parent_account_id=parent))
    company.sell(company.add("accounts", parent_account_id=parent))
    company.sell(company.add("accounts", parent_account_id="nobody"))
    accepted = company.world("2025-01-31").accepted
    assert {name: accepted[name].num_rows for name in ("accounts", "subscriptions")} == {
        "accounts": 0,
        "subscriptions": 0,
    }


def test_an_unknown_replaced_subscription_is_dropped_and_cancelled_needs_an_end(company):
    account = company.sell(replaces_subscription_id="none")
    company.sell(account, status="canceled")
    assert _mrr(company.world("2025-01-31"), "2025-01") == "100"


def instant(text: str) -> int | None:
    """Read an instant; a day starts in Tokyo."""
    tokyo = Clock("Asia/Tokyo", date(2025, 12, 31))
    return parsing.instant(text, lambda day: tokyo.start_of(day_of(day)))


def test_texts_are_read_strictly():
    assert [boolean(text) for text in ("true", "FALSE", "yes", "1", "")] == [True, False, None, None, None]
    assert [whole(text) for text in ("7", "7.00", "-7.", "7.5", "1e3", "9" * 20)] == [7, 7, None, None, None, None]
    assert decimal("1.00005", 18, 4) == Decimal("1.0001")
    assert decimal("-1.00005", 18, 4) == Decimal("-1.0001")
    assert decimal("1" * 15, 18, 4) is None
    assert [day(text) for text in ("2025-02-28", "2025-02-28 00:00:00", "2025-02-28T09:00", "2025-02-30")] == [
        date(2025, 2, 28), date(2025, 2, 28), None, None]  # fmt: skip
    midnight = instant("2025-04-01T00:00:00+09:00")
    assert midnight == instant("2025-03-31 15:00:00") == instant("2025-03-31T15:00Z")
    assert instant("2025-03-31") == instant("2025-03-30 15:00:00.000")
    assert [instant(text) for text in ("2025-02-30", "soon", "2025-03-31 24:00", "2025-03-31 10:00+99:00")] == [
        None
    ] * 4


def test_local_days_follow_the_zone_through_its_changes():
    clock = Clock("America/New_York", date(2025, 12, 31))
    for text in (
        "2025-03-09 04:59:59",
        "2025-03-09 05:00",
        "2025-11-02 03:59:59",
        "2025-11-02 04:00",
        "2025-12-31 05:00",
    ):
        moment = pd.Timestamp(text, tz="UTC")
        local = moment.tz_convert("America/New_York").date()
        assert date_of(clock.local_day(instant(text))) == local
    assert clock.start_of(day_of(date(2025, 11, 3))) == instant("2025-11-03 05:00")
    with pytest.raises(RecomputeError, match="Mars/Base"):
        Clock("Mars/Base", date(2025, 12, 31))


def test_values_of_a_files_own_type_are_read_as_their_text():
    def read(values, data_type):
        tokyo = Clock("Asia/Tokyo", date(2025, 12, 31))
        column, bad, _ = parse_column(pa.array(values), data_type, lambda day: tokyo.start_of(day_of(day)))
        return [None if is_bad else value for value, is_bad in zip(column.to_pylist(), bad.tolist(), strict=True)]

    assert read([7.0, 7.5, float("nan")], "varchar") == ["7", "7.5", None]
    assert read([7.0, 7.5], "bigint") == [7, None]
    assert read([0.00005, 1.1, float("inf")], "decimal(18,4)") == [Decimal("0.0001"), Decimal("1.1000"), None]
    assert read([1, 0], "boolean") == [None, None]
    assert read([date(2025, 1, 5)], "timestamp") == [instant("2025-01-04 15:00")]
    assert read([datetime(2025, 1, 5), datetime(2025, 1, 5, 9)], "date") == [date(2025, 1, 5), None]
    assert read([7], "varchar") == ["7"]


# Files


def _as_parquet(source: Path, target: Path, *, in_folders: bool) -> None:
    target.mkdir()
    for path in source.glob("*.csv"):
        table = pa.csv.read_csv(path)
        if in_folders:
            (target / path.stem).mkdir()
            half = table.num_rows // 2
            pa.parquet.write_table(table.slice(0, half), target / path.stem / "part-1.parquet")
            pa.parquet.write_table(table.slice(half), target / path.stem / "part-2.parquet")
        else:
            pa.parquet.write_table(table, target / f"{path.stem}.parquet")


@pytest.mark.parametrize("in_folders", [False, True])
def test_parquet_and_csv_give_the_same_figures(golden, tmp_path, in_folders):
    _as_parquet(GOLDEN / "raw", tmp_path / "raw", in_folders=in_folders)
    pd.testing.assert_frame_equal(recompute(tmp_path / "raw", golden.settings), metrics(golden))


def test_the_order_of_rows_and_columns_and_a_byte_order_mark_change_nothing(golden, tmp_path):
    for path in (GOLDEN / "raw").glob("*.csv"):
        rows = pd.read_csv(path, dtype=str, keep_default_na=False)
        rows = rows.iloc[::-1, ::-1].assign(extra="x")
        rows.to_csv(tmp_path / path.name, index=False, encoding="utf-8-sig")
    (tmp_path / "company.json").write_text("{}", encoding="utf-8")
    pd.testing.assert_frame_equal(recompute(tmp_path, golden.settings), metrics(golden))


def test_rows_dated_after_the_as_of_date_change_nothing(company):
    account = _healthy(company)
    company.add("onboarding_milestones", account_id=account)
    before = metrics(company.world("2025-03-15"))
    company.rows["subscriptions"][0] |= {
        "ended_at": "2025-03-16",
        "status": "canceled",
        "cancel_requested_at": "2025-03-16",
    }
    company.rows["onboarding_milestones"][0]["completed_at"] = "2025-03-16"
    company.sell(account, valid_from="2025-03-16", replaces_subscription_id="s0001")
    company.sell(valid_from="2025-03-16")
    company.add("usage_events", account_id=account, occurred_at="2025-03-16", feature_key="new")
    company.add("survey_responses", account_id=account, responded_at="2025-03-16")
    company.add("subscription_pauses", subscription_id="s0001", paused_from="2025-03-16")
    company.add("exchange_rates", rate_date="2025-03-16")
    pd.testing.assert_frame_equal(metrics(company.world("2025-03-15")), before)


def test_a_missing_table_or_column_and_an_unreadable_file_are_named(company):
    company.sell()
    folder = company.world("2025-01-31").raw_folder
    settings = Settings(date(2025, 1, 31), home=None)
    products = (folder / "products.csv").read_text(encoding="utf-8")
    (folder / "products.csv").unlink()
    with pytest.raises(RawFileError, match="products"):
        recompute(folder, settings)
    (folder / "products.csv").write_text(products.replace("tier_rank", "rank"), encoding="utf-8")
    with pytest.raises(RawFileError, match="tier_rank"):
        recompute(folder, settings)
    (folder / "products.csv").unlink()
    (folder / "products.parquet").write_bytes(b"PAR1 and no more")
    with pytest.raises(RawFileError, match=r"products\.parquet"):
        recompute(folder, settings)


def test_the_written_tables_have_the_types_that_the_warehouse_reads(golden, tmp_path):
    write_all(golden, tmp_path / "recomputed")
    schema = pa.parquet.read_schema(tmp_path / "recomputed" / "metric_values.parquet")
    assert [str(kind) for kind in schema.types] == [
        "string", "date32[day]", "string", "string", "decimal128(38, 4)", "decimal128(38, 4)", "decimal128(38, 10)",
        "int64", "string", "decimal128(38, 10)", "decimal128(38, 10)", "string", "bool", "bool", "string"]  # fmt: skip
    months = pa.parquet.read_table(tmp_path / "recomputed" / "fct_account_months.parquet")
    assert months.num_rows == len(account_months(golden))
    moved = pa.parquet.read_table(tmp_path / "recomputed" / "fct_mrr_movements.parquet")
    assert moved.column_names == ["account_id", "month", "movement_type", "reason", "amount_mrr"]
