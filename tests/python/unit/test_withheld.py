"""Figures that are withheld because a side table lost too many rows: in SQL and in Python, all else as it was."""

import csv
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from tempfile import mkdtemp

import pytest
from builders import Company, World, identities
from builders.warehouse import PROJECT

from orchestration.landing import load_contract

HEALTH = {"health_score", "healthy_account_rate", "mrr_at_risk"}
USAGE = HEALTH | {
    "active_account_rate", "product_usage_rate", "usage_depth_rate", "usage_days", "onboarding_completion_rate",
}  # fmt: skip
SURVEYS = HEALTH | {"nps", "csat", "ces", "ces_mean"}


@pytest.fixture
def acme(company):
    """A customer since January that pays 10,000, uses the product, answers, and was set up in time."""
    acme = company("2025-06-30")
    acme.sell("acme", 10_000, "2025-01-10")
    acme.use("acme", *(f"2025-{month:02}-20" for month in range(1, 7)))
    acme.add("features", feature_key="reports")
    for number in range(12):
        acme.answer("acme", "nps", 10, "2025-06-01", respondent_id=str(number))
        acme.answer("acme", "csat", 5, "2025-06-01")
        acme.answer("acme", "ces", 7, "2025-06-01")
    acme.add("onboarding_milestones", account_id="acme", completed_at="2025-01-15", is_first_value=True)
    acme.add("support_tickets", account_id="acme", opened_at="2025-06-01", resolved_at="2025-06-01T08:00")
    acme.add("engagement_activities", account_id="acme", occurred_at="2025-06-02")
    return acme


@pytest.fixture
def agreed(warehouse, tmp_path) -> Callable[[Company], World]:
    """Builds a company with the second opinion beside it, which says the same of every cell."""

    def build(company: Company) -> World:
        world = warehouse.build_judged(warehouse.judge(company.tables, company.settings, Path(mkdtemp(dir=tmp_path))))
        assert not world.rows(identities.COMPARISON)
        return world

    return build


def reasons(world: World, month: str = "2025-06") -> dict[str, str]:
    """Give the metrics that are withheld in a month, with the reason."""
    return {
        row.metric_key: row.null_reason
        for row in world.rows("metrics.metric_values", month=month, segment_type="total")
        if row.null_reason in ("too_many_rejected", "all_rejected")
    }


def lose(company, table: str, count: int, **columns: object) -> None:
    """Add rows to a table that belong to an account which is not there."""
    for number in range(count):
        company.add(table, **{load_contract()[table].key[0]: f"lost-{number}", "account_id": "acme"} | columns)
        company.tables[table][-1]["account_id"] = "gone"


def test_nothing_is_withheld_of_tables_that_are_whole(acme, agreed):
    world = agreed(acme)
    assert reasons(world) == {}
    assert world.value("active_account_rate", "2025-06") == 1
    assert world.value("nps", "2025-06") == 100


@pytest.mark.parametrize(
    ("table", "columns", "lost", "months"),
    [
        ("usage_events", {"occurred_at": "2025-06-20"}, USAGE, ("2025-01", "2025-06")),
        ("users", {}, USAGE, ("2025-06",)),
        (
            "survey_responses",
            {"survey_type": "nps", "score": 1, "scale_min": 0, "scale_max": 10, "responded_at": "2025-06-01"},
            SURVEYS,
            ("2025-02", "2025-06"),
        ),
        ("onboarding_milestones", {}, {"onboarding_completion_rate", "time_to_value_days"}, ("2025-01", "2025-06")),
        ("support_tickets", {"opened_at": "2025-06-01"}, HEALTH, ("2025-06",)),
        (
            "engagement_activities",
            {"occurred_at": "2025-06-01"},
            HEALTH,
            ("2025-06",),
        ),
    ],
)
def test_what_needs_a_table_is_null_when_more_than_twenty_of_its_rows_and_a_twentieth_are_rejected(
    acme, agreed, table, columns, lost, months
):
    if table == "users":
        acme.add("users", account_id="acme")
    lose(acme, table, 21, **columns)
    world = agreed(acme)
    for month in months:
        assert reasons(world, month) == dict.fromkeys(lost, "too_many_rejected")
    for row in world.rows("metrics.metric_values"):
        if row.metric_key in lost:
            assert (row.numerator, row.denominator, row.value) == (None, None, None)
    assert world.mrr("acme")["2025-06"] == 10_000
    (count,) = (row for row in world.rows("audit.row_counts") if row.withheld_reason)
    assert (count.table_name, count.rejected, count.withheld_reason) == (table, 21, "too_many_rejected")


def test_twenty_rejected_rows_or_a_twentieth_of_a_table_are_let_pass(acme, agreed):
    lose(acme, "support_tickets", 20, opened_at="2025-06-01")
    acme.use("acme", *["2025-06-20T09:00"] * 393)  # of 420 events with those there were, 21 are a twentieth
    lose(acme, "usage_events", 21, occurred_at="2025-06-20")
    assert len(acme.tables["usage_events"]) == 420
    assert reasons(agreed(acme)) == {}
    lose(acme, "support_tickets", 1, opened_at="2025-06-02", ticket_id="one more")
    assert "health_score" in reasons(agreed(acme))


def test_a_sample_of_the_customers_knows_what_the_whole_company_lost(company, acme, agreed):
    sampled = company("2025-06-30", policy={"recompute_all_accounts": 0, "recompute_sample_customers": 1})
    acme.sell("other", 500, "2025-01-10")
    sampled.tables = acme.tables
    lose(sampled, "usage_events", 21, occurred_at="2025-06-20")
    world = agreed(sampled)
    assert world.query("select is_recomputed_sample from audit.publication") == [(True,)]
    assert set(reasons(world)) == USAGE


def test_copies_and_deleted_rows_are_no_rejected_ones(acme, agreed):
    lose(acme, "support_tickets", 15, opened_at="2025-06-01")
    acme.tables["support_tickets"] += [dict(row) for row in acme.tables["support_tickets"][1:]]
    for number in range(15):
        acme.add("support_tickets", account_id="acme", ticket_id=f"d{number}", opened_at="2025-06-01", _is_deleted=True)
    assert reasons(agreed(acme)) == {}


def test_a_table_of_which_every_row_is_rejected_says_so_however_small_it_is(acme, agreed):
    acme.tables["survey_responses"] = []
    lose(acme, "survey_responses", 1, survey_type="nps", score=9, scale_min=0, scale_max=10, responded_at="2025-06-01")
    assert reasons(agreed(acme)) == dict.fromkeys(SURVEYS, "all_rejected")


def test_whoever_accepts_rejected_rows_has_the_rest_counted(company, acme, agreed):
    accepting = company("2025-06-30", accept_rejects=True)
    accepting.tables = acme.tables
    lose(accepting, "usage_events", 21, occurred_at="2025-06-20")
    accepting.tables["contracts"] = []
    lose(accepting, "contracts", 1, start_date="2024-05-01", end_date="2025-04-30")
    accepting.tables["unit_economics"] = []
    accepting.add("unit_economics", period="2025-01-01", gross_margin_rate="70")
    world = agreed(accepting)
    assert world.value("active_account_rate", "2025-06") == 1
    assert reasons(world, "2025-04") == {
        "renewal_rate": "all_rejected", "renewal_rate_by_count": "all_rejected",
        "cac_payback_months": "all_rejected", "ltv_to_cac": "all_rejected",
    }  # fmt: skip


def test_what_is_withheld_is_null_and_not_nothing(acme, agreed):
    lose(acme, "usage_events", 21, occurred_at="2025-06-20")
    world = agreed(acme)
    usage = world.row("marts.fct_usage_months", account_id="acme", month="2025-06")
    assert (usage.active_days, usage.event_count, usage.has_core_event) == (None, None, None)
    assert usage.core_feature_count == 1
    onboarding = world.row("marts.fct_onboardings", account_id="acme")
    assert (onboarding.onboarding_status, onboarding.is_completed, onboarding.required_count) == ("unknown", None, 1)
    health = world.row("marts.fct_health_scores", account_id="acme", month="2025-06")
    assert health.tier == "unknown"
    # Support and sentiment are both at their best; engagement is expected of nobody who pays so little.
    assert (health.score, health.coverage) == (Decimal(100), Decimal("0.3"))

    lose(acme, "onboarding_milestones", 21)
    onboarding = agreed(acme).row("marts.fct_onboardings", account_id="acme")
    assert (onboarding.onboarding_status, onboarding.required_count) == ("unknown", None)


def test_features_that_are_withheld_are_not_taken_for_none(acme, agreed):
    acme.tables["features"] = []
    acme.add("features", feature_key="reports", is_core=None)
    world = agreed(acme)
    assert reasons(world) == dict.fromkeys(USAGE, "all_rejected")
    usage = world.row("marts.fct_usage_months", account_id="acme", month="2025-06")
    assert (usage.core_feature_count, usage.event_count) == (None, None)


def test_whatever_reads_a_table_that_may_be_withheld_asks_whether_it_is(warehouse):
    with (PROJECT / "seeds" / "reject_limits.csv").open(encoding="utf-8", newline="") as file:
        may_be = {
            f"model.keizoku.stg_{row['table_name']}" for row in csv.DictReader(file) if row["on_breach"] == "withhold"
        }
    readers = [node for node in warehouse.models if node["path"].split("/")[0] not in ("staging", "audit")]
    careless = [
        node["name"]
        for node in readers
        if may_be & set(node["depends_on"]["nodes"])
        and "model.keizoku.stg_withheld_tables" not in node["depends_on"]["nodes"]
    ]
    assert careless == []
    assert len([node for node in readers if may_be & set(node["depends_on"]["nodes"])]) == 8
