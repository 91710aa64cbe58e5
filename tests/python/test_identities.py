"""What must hold in every company, told sentence by sentence, in large ones made up at random.

That SQL and the second opinion agree is among it, and that a rule which is falsified does not go unnoticed.
"""

from datetime import date
from pathlib import Path
from random import Random

import pytest
from worlds import Judged, Settings, Warehouse, World, identities, inventions

LATE = date(2025, 7, 20)

# A model, what its compiled SQL says, and what it is made to say instead.
FALSIFIED = [
    ("int_account_roots", "lineage.is_excluded or stg_accounts.is_internal", "stg_accounts.is_internal"),
    ("int_item_terms", "discount_kind = 'recurring'", "discount_kind = 'limited'"),
    ("int_item_terms", "stg_subscriptions.trial_ended_at) as from_at", "stg_subscriptions.started_at) as from_at"),
    ("int_version_ends", "coalesce(ends.midnight_at, ends.valid_to)", "ends.valid_to"),
    ("int_late_renewals", "<= late_renewal_grace_days", "< late_renewal_grace_days"),
    ("int_item_spans", "pieces.cut_at >= pauses.paused_from", "pieces.cut_at > pauses.paused_from"),
    ("int_mrr_spans", "to_on <= as_of_date then to_at", "to_on < as_of_date then to_at"),
    ("int_item_months", "int_mrr_spans.to_month_index > dim_months", "int_mrr_spans.to_month_index >= dim_months"),
    ("int_plan_rates", "order by stg_exchange_rates.rate_date desc", "order by stg_exchange_rates.rate_date"),
    ("fct_account_months", "when closing_mrr > revalued_mrr then 'expansion'", "when closing_mrr > 0 then 'expansion'"),
    ("int_item_pairs", "order by items.subscription_item_id", "order by items.subscription_item_id desc"),
    ("int_change_reasons", "unit_price_mrr = 0 and seat_mrr <> 0", "unit_price_mrr <> 0 and seat_mrr <> 0"),
    ("fct_retention_account_months", "between 11 preceding", "between 10 preceding"),
    ("int_price_uplifts", "where uplift_mrr > 0", "where uplift_mrr <> 0"),
    ("dim_account_months", "order by bands.lower_mrr", "order by bands.size_band"),
    ("int_customer_lives", "reached_at < from_at", "reached_at <= from_at"),
    (
        "int_cohorts_by_segment",
        "fct_onboardings.first_zero_on\n                <",
        "fct_onboardings.first_zero_on\n                <=",
    ),
    ("fct_onboardings", "first_use_after_on <= deadline_on", "first_use_after_on < deadline_on"),
    ("int_surveys_by_segment", "int_survey_answers.responded_at desc", "int_survey_answers.responded_at"),
    ("int_usage_by_segment", "dim_accounts.started_on <=", "dim_accounts.started_on <"),
    ("int_health_tiers", "scores.score >= health_tiers.lower_score", "scores.score > health_tiers.lower_score"),
    ("int_health_red_flags", "order by cap_lower_score asc", "order by cap_lower_score desc"),
]


def judged(warehouse: Warehouse, seed: int, settings: Settings, folder: Path) -> Judged:
    """Make up a company of a hundred customers as raw files, with the second opinion on it."""
    return warehouse.judge(inventions.invent(Random(seed), settings, customers=100), settings, folder)


@pytest.fixture(
    scope="module",
    params=[
        Settings(LATE, policy=inventions.SMALL_POLICY),
        Settings(LATE, "America/New_York", "USD", policy=inventions.SMALL_POLICY),
        Settings(date(2025, 6, 30), "Europe/Berlin", "USD"),
        Settings(date(2024, 9, 30), "UTC", policy=inventions.SMALL_POLICY),
    ],
    ids=lambda settings: f"{settings.currency} in {settings.time_zone} as of {settings.as_of_date}",
)
def large(request: pytest.FixtureRequest, warehouse: Warehouse, tmp_path_factory: pytest.TempPathFactory) -> World:
    """A company built from its raw files, with the second opinion beside it."""
    return warehouse.build_judged(
        judged(warehouse, request.param_index, request.param, tmp_path_factory.mktemp("large"))
    )


@pytest.fixture(scope="module")
def company(warehouse: Warehouse, tmp_path_factory: pytest.TempPathFactory) -> Judged:
    """The company whose rules are falsified."""
    settings = Settings(LATE, policy=inventions.SMALL_POLICY)
    return judged(warehouse, 0, settings, tmp_path_factory.mktemp("falsified"))


@pytest.mark.parametrize("sentence", identities.IDENTITIES)
def test_identity_holds(large, sentence):
    assert identities.breaks(large, sentence) == []


def test_the_projects_data_tests_hold(warehouse, large):
    assert {name: rows for name, sql in warehouse.data_tests.items() if (rows := large.query(sql))} == {}


@pytest.mark.parametrize(
    ("model", "says", "instead"), FALSIFIED, ids=[f"{model}: {says}" for model, says, _ in FALSIFIED]
)
def test_a_falsified_rule_is_noticed(warehouse, company, model, says, instead):
    sql = warehouse.sql(model)
    assert says in sql
    assert identities.faults(warehouse, company, replace={model: sql.replace(says, instead)}) != {}
