"""What must hold in every company, told sentence by sentence, in large ones made up at random.

That SQL and the second opinion agree is among it, and that a rule which is falsified does not go unnoticed.
"""

from datetime import date
from pathlib import Path
from random import Random

import pytest
from builders import Judged, Settings, Warehouse, World, identities, inventions

LATE = date(2025, 7, 20)

# A discount for a limited time lowers the MRR too, though not below nothing, which no model could reckon with.
LIMITED_TOO = (
    "discount_kind is not null then "
    "least(coalesce(versions.discount_amount, 0), cast(versions.quantity * versions.unit_amount as decimal(18, 4)))"
)

# A model, what its compiled SQL says, and what it is made to say instead.
FALSIFIED = [
    ("int_account_roots", "lineage.is_excluded or stg_accounts.is_internal", "stg_accounts.is_internal"),
    ("int_item_lines", "discount_kind = 'recurring' then coalesce(versions.discount_amount, 0)", LIMITED_TOO),
    ("int_version_pieces", "< later.recorded_at", "> later.recorded_at"),
    ("int_version_ends", "when 'inclusive_end' then ends.midnight_at", "when 'inclusive_end' then ends.valid_to"),
    ("int_trials", "when trials.trial_started_at > first_paid", "when trials.trial_started_at < first_paid"),
    ("int_item_spans", "else least(int_item_terms.to_at, int_renewals.renewed_at)", "else int_item_terms.to_at"),
    ("int_renewals", "where gap_days <= late_renewal_grace_days", "where gap_days <= 1"),
    ("int_item_spans", "pieces.cut_at >= pauses.paused_from", "pieces.cut_at > pauses.paused_from"),
    ("int_mrr_spans", "to_on <= as_of_date then to_on", "to_on < as_of_date then to_on"),
    ("int_item_months", "int_mrr_spans.to_month_index > dim_months", "int_mrr_spans.to_month_index >= dim_months"),
    ("int_plan_rates", "order by stg_exchange_rates.rate_date desc", "order by stg_exchange_rates.rate_date"),
    ("int_item_pairs", "order by items.subscription_item_id", "order by items.subscription_item_id desc"),
    ("int_price_uplifts", "where uplift_mrr > 0", "where uplift_mrr <> 0"),
    ("int_account_month_attributes", "order by bands.lower_mrr", "order by bands.size_band"),
    ("int_account_closings", "sum(unpaused_mrr)", "sum(mrr)"),
    ("int_mrr_revaluations", "sum(revalued_mrr - unpaused_mrr)", "sum(0)"),
    ("int_nrr_bridge_accounts", "coalesce(rolled.first_mrr_month, rolled.month)", "rolled.month"),
    ("nrr_sensitivity", "lag(closing_mrr, 12)", "lag(closing_mrr, 11)"),
    ("nrr_sensitivity", "where window_months = 12", "where window_months = 1"),
    ("int_nrr_policies", "monthly.closing_mrr + revenue.reactivation_mrr", "monthly.closing_mrr"),
    ("fct_retention_account_months", "between 11 preceding", "between 2 preceding"),
    ("int_surveys_by_segment", "int_survey_answers.responded_at desc", "int_survey_answers.responded_at"),
    ("int_plan_rates", "month_end_rates.rate_type = 'month_end'", "month_end_rates.rate_type = 'plan'"),
    ("int_plan_rates", "as native_minor_units", "* 10 as native_minor_units"),
    ("int_as_reported_account_months", "coalesce(starts.next_month_end_mrr", "coalesce(starts.month_end_mrr"),
    ("int_account_standings", "periods.period_number desc", "periods.period_number asc"),
    ("int_hierarchy_changes", "then -traced.mrr", "then traced.mrr"),
    ("int_survival_by_segment", "and lives.lost_month_index", "and lives.lost_month_index - 1"),
    ("int_invoice_lines", "stg_invoice_lines.status <> 'void'", "true"),
    ("int_invoice_lines", "when shared_days.shared_on is not null", "when false"),
    ("int_invoice_lines", "'week' then 364", "'week' then 365"),
    ("int_invoice_line_months", "lines.next_on > periods.period_end_on", "lines.next_on >= periods.period_end_on"),
    ("int_item_billings", "when items.is_billed = 0 then 'unbilled'", "when false then 'unbilled'"),
    ("int_item_billings", "max(items.is_held) over family_months = 0", "items.is_held = 0"),
    ("nrr_evidence", "case when spans.is_paused then 0 else", "case when false then 0 else"),
    ("int_contract_renewals", "least(ended.ended_amount, renewed.amount)", "renewed.amount"),
    ("int_plan_rates", "month_end_rates.rate_type = 'month_end'", "month_end_rates.rate_type = 'plan'"),
    ("int_health_red_flags", "order by cap_lower_score asc", "order by cap_lower_score desc"),
    ("int_health_drivers", "order by driver_rank asc", "order by driver_rank desc"),
]


def judged(warehouse: Warehouse, settings: Settings, folder: Path, customers: int) -> Judged:
    """Make up a company as raw files, with the second opinion on it."""
    return warehouse.judge(inventions.invent(Random(0), settings, customers), settings, folder)


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
    return warehouse.build_judged(judged(warehouse, request.param, tmp_path_factory.mktemp("large"), customers=100))


@pytest.fixture(scope="module")
def falsifiable(warehouse: Warehouse, tmp_path_factory: pytest.TempPathFactory) -> Judged:
    """The company whose rules are falsified: so large that every rule matters to somebody."""
    settings = Settings(LATE, policy=inventions.SMALL_POLICY)
    return judged(warehouse, settings, tmp_path_factory.mktemp("falsifiable"), customers=200)


@pytest.mark.parametrize("sentence", identities.IDENTITIES)
def test_identity_holds(large, sentence):
    assert identities.breaks(large, sentence) == []


def test_the_projects_data_tests_hold(warehouse, large):
    assert {name: rows for name, sql in warehouse.data_tests.items() if (rows := large.query(sql))} == {}


@pytest.mark.parametrize(
    ("model", "says", "instead"), FALSIFIED, ids=[f"{model}: {says}" for model, says, _ in FALSIFIED]
)
def test_a_falsified_rule_is_noticed(warehouse, falsifiable, model, says, instead):
    sql = warehouse.sql(model)
    assert says in sql
    world = warehouse.build_judged(falsifiable, ("recomputed_differences",), {model: sql.replace(says, instead)})
    assert world.rows(identities.COMPARISON)


def test_a_last_day_that_is_read_as_an_end_is_noticed(warehouse, tmp_path):
    settings = Settings(LATE, policy=inventions.SMALL_POLICY)
    in_days = judged(warehouse, settings, tmp_path, customers=60)
    sql, says = warehouse.sql("int_version_ends"), "when 'inclusive_day' then ends.day_after_at"
    assert says in sql
    falsified = {"int_version_ends": sql.replace(says, "when 'inclusive_day' then ends.valid_to")}
    assert not warehouse.build_judged(in_days, ("recomputed_differences",)).rows(identities.COMPARISON)
    assert warehouse.build_judged(in_days, ("recomputed_differences",), falsified).rows(identities.COMPARISON)
