"""Surveys, onboarding, usage, early churn, lifetime value and health, with the figures worked by hand."""

from collections.abc import Callable
from datetime import date
from decimal import Decimal

import pytest
from builders import Company, World


def use_daily(acme: Company, account: str, month: str, days: int, **columns: object) -> None:
    """Use a feature on the last so many days of a month of thirty."""
    acme.use(account, *(f"{month}-{30 - day:02} 12:00" for day in range(days)), **columns)


# Surveys


@pytest.fixture
def june(company: Callable[..., Company]) -> Company:
    """A company as of 30 June 2025, whose 90 days began on 2 April."""
    return company("2025-06-30")


def answers(acme: Company, survey_type: str, *scores: int, at: str = "2025-06-10") -> None:
    """Add an answer of a customer of its own for each score."""
    for number, score in enumerate(scores):
        acme.answer(f"customer-{number}", survey_type, score, at)


def test_nps_of_four_promoters_and_three_detractors_in_ten_is_plus_ten(june):
    answers(june, "nps", 10, 10, 9, 9, 8, 8, 7, 6, 3, 0)
    row = june.metric("nps", "2025-06")
    assert (row.value, row.numerator, row.denominator, row.sample_size) == (10, 100, 10, 10)


def test_nps_is_null_under_ten_answers_but_keeps_its_parts(june):
    answers(june, "nps", 10, 10, 9, 9, 8, 8, 7, 6, 3)
    row = june.metric("nps", "2025-06")
    assert (row.value, row.null_reason, row.numerator, row.denominator) == (None, "too_few_answers", 200, 9)


@pytest.mark.parametrize("survey", ["nps", "csat", "ces", "ces_mean"])
def test_without_answers_a_survey_says_nothing(june, survey):
    assert june.metric(survey, "2025-06").null_reason == "no_answers"


def test_nps_counts_the_latest_answer_of_a_respondent_of_an_account(june):
    june.answer("a", "nps", 0, "2025-06-01", respondent_id="kim")
    june.answer("a", "nps", 10, "2025-06-02", respondent_id="kim")
    june.answer("b", "nps", 10, "2025-06-01", respondent_id="kim")
    assert june.metric("nps", "2025-06").numerator == 200


def test_of_simultaneous_answers_the_higher_key_counts(june):
    june.answer("a", "nps", 10, "2025-06-01", respondent_id="kim", response_id="r2")
    june.answer("a", "nps", 0, "2025-06-01", respondent_id="kim", response_id="r1")
    assert june.metric("nps", "2025-06").numerator == 100


def test_an_answer_without_a_respondent_stands_for_itself(june):
    for _ in range(2):
        june.answer("a", "nps", 10, "2025-06-01")
    assert june.metric("nps", "2025-06").denominator == 2


def test_answers_of_the_90_local_days_that_end_with_the_month_count(june):
    for at in ("2025-04-02 00:00", "2025-04-01 23:59", "2025-06-30 23:59", "2025-07-01 00:00"):
        for survey, score in (("nps", 9), ("csat", 4), ("ces", 5)):
            june.account(f"{survey} at {at}", industry=at)
            june.answer(f"{survey} at {at}", survey, score, at)
    world = june.build("metric_nps", "metric_csat", "metric_ces")
    for survey in ("nps", "csat", "ces"):
        rows = world.rows(f"metrics.metric_{survey}", month="2025-06", segment_type="industry")
        assert {row.segment_value for row in rows} == {"2025-04-02 00:00", "2025-06-30 23:59"}


def test_in_the_incomplete_month_the_90_days_end_with_the_as_of_date(company):
    acme = company("2025-06-15")
    acme.answer("a", "csat", 5, "2025-03-18 00:00")
    acme.answer("a", "csat", 5, "2025-03-17 23:59")
    acme.answer("a", "csat", 5, "2025-06-16 00:00")
    assert acme.metric("csat", "2025-06").sample_size == 1


def test_a_score_on_another_scale_is_rejected_and_never_pooled(june):
    june.answer("a", "nps", 5, "2025-06-10", scale_min=1, scale_max=5)
    june.answer("a", "csat", 9, "2025-06-10")
    world = june.build("metric_nps", "metric_csat")
    assert {row.rejection_rule for row in world.rows("staging.base_survey_responses")} == {
        "unknown_scale",
        "score_out_of_scale",
    }
    assert world.metric("nps", "2025-06").sample_size == world.metric("csat", "2025-06").sample_size == 0


def test_csat_is_the_share_of_four_and_five_of_all_answers(june):
    for score in (5, 4, 3, 1):
        june.answer("a", "csat", score, "2025-06-10", respondent_id="kim")
    assert june.metric("csat", "2025-06").value == Decimal("0.5")


def test_ces_is_the_share_of_five_to_seven_and_its_mean_stands_beside_it(june):
    answers(june, "ces", 7, 6, 5, 5, 4, 3, 7, 6, 2, 5)
    world = june.build("metric_ces", "metric_ces_mean")
    assert world.value("ces", "2025-06") == Decimal("0.7")
    assert world.value("ces_mean", "2025-06") == 5


def test_answers_of_children_are_their_customers_and_those_of_internal_accounts_nobodys(june):
    june.account("root", industry="Retail")
    june.account("child", parent="root")
    june.account("own", is_internal=True)
    june.answer("child", "csat", 5, "2025-06-10")
    june.answer("own", "csat", 1, "2025-06-10")
    world = june.build("metric_csat")
    assert world.metric("csat", "2025-06", "industry", "Retail").value == 1
    assert world.metric("csat", "2025-06").sample_size == 1


# Early churn


def test_who_loses_all_mrr_before_three_months_are_over_is_lost_early(company):
    acme = company("2025-08-31")
    for account, start, end in (
        ("before 3 August", "2025-05-03 10:00", "2025-08-02 10:00"),
        ("on 3 August", "2025-05-03 10:00", "2025-08-03 00:00"),
        ("within the month", "2025-05-03 10:00", "2025-05-09 10:00"),
        ("before 28 February", "2024-11-30 10:00", "2025-02-27 10:00"),
        ("on 28 February", "2024-11-30 10:00", "2025-02-28 00:00"),
    ):
        acme.account(account, industry=account)
        acme.sell(account, 100, start, end)
    world = acme.build("metric_early_churn_rate")
    row = world.metric("early_churn_rate", "2025-08")
    assert (row.numerator, row.denominator, row.value) == (2, 3, Decimal("0.6666666667"))
    rows = world.rows("metrics.metric_early_churn_rate", segment_type="industry")
    lost = {row.segment_value: row.metric_value for row in rows}
    assert lost == {
        "before 3 August": 1,
        "on 3 August": 0,
        "within the month": 1,
        "before 28 February": 1,
        "on 28 February": 0,
    }


def test_a_loss_between_month_ends_is_early_churn_though_the_customer_returns(company):
    acme = company("2025-08-31")
    acme.sell("a", 100, "2025-05-03", "2025-05-09")
    acme.sell("a", 100, "2025-05-20")
    assert acme.metric("early_churn_rate", "2025-08").value == 1


def test_early_churn_starts_counting_when_the_trial_is_over(company):
    acme = company("2025-08-31")
    acme.item(acme.subscription("a", "2025-04-20", trial_ended_at="2025-05-03", end="2025-08-02"), 100)
    assert acme.metric("early_churn_rate", "2025-08").value == 1


def test_early_churn_is_of_complete_months_with_customers_only(company):
    acme = company("2025-08-30")
    acme.sell("a", 100, "2025-05-03")
    world = acme.build("metric_early_churn_rate")
    assert world.metric("early_churn_rate", "2025-08").null_reason == "month_incomplete"
    assert world.metric("early_churn_rate", "2025-07").null_reason == "no_customers"


# Onboarding


def onboard(acme: Company, account: str, completed: str | None, used: str | None, end: str | None = None) -> None:
    """Start a customer on 10 January 2025, whose 90 days end on 10 April."""
    acme.sell(account, 100, "2025-01-10", end)
    acme.add("onboarding_milestones", account_id=account, completed_at=completed, due_at="2025-02-01")
    if used:
        acme.use(account, used)


@pytest.fixture
def may(company: Callable[..., Company]) -> Company:
    """A company as of 1 May 2025, on which January's cohort has matured."""
    return company("2025-05-01")


def completion(acme: Company, month: str = "2025-01") -> tuple[Decimal | None, Decimal | None, str | None]:
    """Give who completed, of how many, or why that is not known."""
    row = acme.metric("onboarding_completion_rate", month)
    return row.numerator, row.denominator, row.null_reason


def test_twelve_in_time_of_twenty_who_started_are_sixty_percent(may):
    for number in range(12):
        onboard(may, f"in-time-{number}", "2025-02-01", "2025-02-02")
    for number in range(3):
        onboard(may, f"late-{number}", "2025-04-20", "2025-04-21")
    for number in range(2):
        onboard(may, f"churned-{number}", None, None, end="2025-02-20")
    for number in range(3):
        onboard(may, f"open-{number}", None, None)
    world = may.build("metric_onboarding_completion_rate")
    assert world.value("onboarding_completion_rate", "2025-01") == Decimal("0.6")
    statuses = [row.onboarding_status for row in world.rows("marts.fct_onboardings")]
    ever_completed = statuses.count("completed") + statuses.count("late")
    assert ever_completed == 15
    assert {status: statuses.count(status) for status in statuses} == {
        "completed": 12,
        "late": 3,
        "churned": 2,
        "past_deadline": 3,
    }


def test_completed_is_set_up_and_used_on_a_later_day_both_within_90_days(may):
    cases = {
        "on the last day": ("2025-04-09 23:00", "2025-04-10 23:59", True),
        "a day too late": ("2025-04-09 23:00", "2025-04-11 00:00", False),
        "used on the last day of the set-up": ("2025-04-10 09:00", "2025-04-10 12:00", False),
        "used on the day of the set-up": ("2025-02-01 09:00", "2025-02-01 12:00", False),
        "used a minute after the day of the set-up": ("2025-02-01 23:59", "2025-02-02 00:00", True),
        "used before": ("2025-02-02 09:00", "2025-02-01 09:00", False),
        "not used": ("2025-02-01 09:00", None, False),
    }
    for account, (completed, used, _) in cases.items():
        onboard(may, account, completed, used)
    world = may.build("metric_onboarding_completion_rate")
    is_completed = {row.account_id: row.is_completed for row in world.rows("marts.fct_onboardings")}
    assert is_completed == {account: expected for account, (_, _, expected) in cases.items()}
    assert world.metric("onboarding_completion_rate", "2025-01").numerator == 2


def test_every_required_milestone_of_all_the_customers_accounts_must_be_done(may):
    may.account("child", parent="a")
    onboard(may, "a", "2025-02-01", "2025-02-20")
    may.add("onboarding_milestones", account_id="a", completed_at=None, is_required=False)
    may.add("onboarding_milestones", account_id="child", completed_at="2025-02-10")
    assert completion(may) == (1, 1, None)
    may.add("onboarding_milestones", account_id="child", completed_at=None)
    assert completion(may) == (0, 1, None)


def test_an_internal_users_use_is_not_the_customers(may):
    onboard(may, "a", "2025-02-01", None)
    may.add("users", account_id="a", user_id="staff", is_internal=True)
    may.use("a", "2025-02-10", user_id="staff")
    assert completion(may) == (0, 1, None)
    may.use("a", "2025-02-10", user_id="not listed")
    assert completion(may) == (1, 1, None)


def test_a_customer_without_a_required_milestone_is_left_out(may):
    onboard(may, "a", "2025-02-01", "2025-02-02")
    may.sell("b", 100, "2025-01-10")
    may.add("onboarding_milestones", account_id="b", is_required=False)
    assert completion(may) == (1, 1, None)
    world = may.build("fct_onboardings")
    assert world.row("marts.fct_onboardings", account_id="b").onboarding_status == "unknown"


def test_a_cohort_has_matured_90_days_after_its_month(company):
    for as_of, expected in (("2025-04-30", (None, None, "not_matured")), ("2025-05-01", (1, 1, None))):
        acme = company(as_of)
        onboard(acme, "a", "2025-02-01", "2025-02-02")
        assert completion(acme) == expected


def test_without_a_usage_feed_nobody_knows_who_completed(may):
    onboard(may, "a", "2025-02-01", None)
    assert completion(may) == (None, None, "no_data")


def test_an_empty_cohort_has_no_rate(may):
    may.sell("a", 100, "2025-01-10")
    assert completion(may) == (0, 0, "no_customers")


# Time to value


def reach(acme: Company, account: str, reached: str | None, end: str | None = None) -> None:
    """Start a customer on 1 January 2025 and let it reach a first value."""
    acme.sell(account, 100, "2025-01-01", end)
    acme.add("onboarding_milestones", account_id=account, completed_at=reached, is_first_value=True)


def test_median_of_5_10_20_40_days_and_one_open_at_30_is_20(company):
    acme = company("2025-02-28")
    for account, reached in (("a", "2025-01-06"), ("b", "2025-01-11"), ("c", "2025-01-21"), ("d", "2025-02-10")):
        reach(acme, account, reached)
    reach(acme, "e", None, end="2025-01-31")
    row = acme.metric("time_to_value_days", "2025-02")
    assert (row.value, row.sample_size) == (20, 5)


def test_time_to_value_is_null_while_the_curve_stays_above_one_half(company):
    acme = company("2025-02-28")
    reach(acme, "a", "2025-01-06")
    reach(acme, "b", None)
    reach(acme, "c", None)
    assert acme.metric("time_to_value_days", "2025-02").null_reason == "above_half"


@pytest.mark.parametrize(("reached", "value"), [("2025-01-10 18:00", 9), ("2025-01-11 00:00", None), ("2024-12-20", 0)])
def test_a_value_counts_up_to_the_first_day_without_mrr_and_from_before_the_start_as_day_0(company, reached, value):
    acme = company("2025-02-28")
    reach(acme, "a", reached, end="2025-01-10 12:00")
    acme.sell("other", 100, "2025-01-01")
    assert acme.metric("time_to_value_days", "2025-02").value == value


def test_time_to_value_asks_customers_started_in_twelve_months(company):
    acme = company("2026-01-31")
    reach(acme, "a", "2025-01-06")
    world = acme.build("metric_time_to_value_days")
    assert world.value("time_to_value_days", "2025-12") == 5
    assert world.metric("time_to_value_days", "2026-01").null_reason == "no_customers"


# Active accounts


def active(acme: Company, month: str = "2025-06") -> tuple[Decimal | None, Decimal | None, str | None]:
    """Give who was active, of how many, or why that is not known."""
    row = acme.metric("active_account_rate", month)
    return row.numerator, row.denominator, row.null_reason


@pytest.mark.parametrize(
    ("moment", "counts"), [("2025-06-03 00:00", 1), ("2025-06-02 23:59", 0), ("2025-06-30 23:59", 1)]
)
def test_active_is_who_used_a_core_feature_in_the_last_28_local_days(june, moment, counts):
    june.sell("a", 100, "2025-01-10")
    june.sell("b", 100, "2025-01-10")
    june.use("a", moment)
    june.use("b", "2025-06-10")
    assert active(june) == (1 + counts, 2, None)


@pytest.mark.parametrize(("start", "is_asked"), [("2025-06-02 23:59", True), ("2025-06-03 00:00", False)])
def test_only_customers_of_28_days_are_asked(june, start, is_asked):
    june.sell("first", 100, "2025-01-10", "2025-03-10")
    june.sell("a", 100, start)
    june.use("a", "2025-06-10")
    assert active(june) == ((1, 1, None) if is_asked else (0, 0, "no_customers"))


def test_in_the_incomplete_month_the_28_days_end_with_the_as_of_date(company):
    acme = company("2025-06-15")
    for account in ("in", "out"):
        acme.sell(account, 100, "2025-05-18")
    acme.use("out", "2025-05-18 23:59")
    acme.use("in", "2025-05-19 00:00")
    assert active(acme, "2025-06") == (1, 2, None)


def test_customers_without_mrr_at_the_month_end_are_not_asked(june):
    june.sell("a", 100, "2025-01-10", "2025-06-10")
    june.use("a", "2025-06-05")
    assert active(june) == (0, 0, "no_customers")


def test_use_that_is_not_core_or_by_internal_users_is_not_active(june):
    for account, columns in (
        ("core", {"feature_key": "core"}),
        ("side", {"feature_key": "side"}),
        ("unlisted-feature", {"feature_key": "elsewhere"}),
        ("internal", {"feature_key": "core", "user_id": "staff"}),
        ("unlisted-user", {"feature_key": "core", "user_id": "somebody"}),
    ):
        june.sell(account, 100, "2025-01-10")
        june.use(account, "2025-06-10", **columns)
    june.add("features", feature_key="core")
    june.add("features", feature_key="side", is_core=False)
    june.add("users", account_id="internal", user_id="staff", is_internal=True)
    world = june.build("metric_values")
    assert world.value("active_account_rate", "2025-06") == Decimal("0.4")
    # Two of five used the one core feature, on a day each; three used one of the two of high value.
    for key, parts in {"product_usage_rate": (2, 5), "usage_days": (2, 5), "usage_depth_rate": (3, 10)}.items():
        row = world.metric(key, "2025-06")
        assert (row.numerator, row.denominator, row.sample_size) == (*parts, 5), key
    rows = world.rows("marts.fct_usage_months", month="2025-06", has_core_event=True)
    assert {row.account_id for row in rows} == {"core", "unlisted-user"}


def test_where_no_feature_is_core_there_is_nothing_to_use_and_nobody_used_it(june):
    june.sell("a", 100, "2025-01-10")
    june.use("a", "2025-06-10")
    june.add("features", feature_key="side", is_core=False, is_high_value=False)
    world = june.build("metric_values")
    found = {key: world.metric(key, "2025-06") for key in ("product_usage_rate", "usage_depth_rate", "usage_days")}
    assert {key: (row.value, row.null_reason) for key, row in found.items()} == {
        "product_usage_rate": (None, "no_features"),
        "usage_depth_rate": (None, "no_features"),
        "usage_days": (0, None),
    }


def test_without_an_event_of_anybody_the_feed_did_not_deliver(june):
    june.sell("a", 100, "2025-01-10")
    june.use("a", "2025-06-02 23:59")
    world = june.build("metric_active_account_rate")
    assert world.metric("active_account_rate", "2025-06").null_reason == "no_data"
    assert world.row("marts.fct_usage_months", month="2025-06").active_days is None


def test_an_event_of_an_internal_account_shows_that_the_feed_delivered(june):
    june.sell("a", 100, "2025-01-10")
    june.account("own", is_internal=True)
    june.use("own", "2025-06-10")
    assert active(june) == (0, 1, None)


# Lifetime value


@pytest.fixture
def steady(company: Callable[..., Company]) -> Callable[..., Company]:
    """Makes a company of some customers of 100,000 from January 2024, one of which may leave in January 2025."""

    def build(customers: int, one_leaves: bool = True, as_of: str = "2025-01-31", **policy: object) -> Company:
        acme = company(as_of, policy={"ltv_minimum_customers": 1} | policy)
        for number in range(customers):
            acme.sell(f"c{number}", 100_000, "2024-01-10", "2025-01-10" if one_leaves and number == 0 else None)
        return acme

    return build


@pytest.mark.parametrize(("customers", "ltv"), [(2, 1_680_000), (3, 2_520_000)])
def test_ltv_of_24_months_is_1_680_000_and_of_36_half_as_much_again(steady, customers, ltv):
    acme = steady(customers)
    acme.add("unit_economics", period="2025-01-01", gross_margin_rate="0.7")
    world = acme.build("metric_ltv", "metric_ltv_revenue")
    assert world.value("ltv", "2025-01") == ltv
    assert world.value("ltv_revenue", "2025-01") == 100_000 * 12 * customers
    assert world.metric("ltv", "2025-01").sample_size == customers - 1


@pytest.mark.parametrize("customers", [6, 1])
def test_a_lifetime_is_60_months_at_most_and_when_nobody_leaves(steady, customers):
    acme = steady(customers, one_leaves=customers > 1)
    assert acme.metric("ltv_revenue", "2025-01").value == 6_000_000


def test_the_margin_is_the_latest_up_to_the_month_else_the_companys_own(steady):
    acme = steady(1, one_leaves=False, as_of="2025-03-31", gross_margin_rate="0.5")
    acme.add("unit_economics", period="2025-02-01", gross_margin_rate="0.6")
    acme.add("unit_economics", period="2025-03-01", gross_margin_rate="0.7")
    world = acme.build("metric_ltv")
    assert [world.value("ltv", month) for month in ("2025-01", "2025-02", "2025-03")] == [
        3_000_000,
        3_600_000,
        4_200_000,
    ]


def test_ltv_is_null_for_the_first_reason_that_holds(steady):
    world = steady(1, one_leaves=False, ltv_minimum_customers=30).build("metric_ltv", "metric_ltv_revenue")
    assert world.metric("ltv", "2024-12").null_reason == "insufficient_history"
    assert world.metric("ltv", "2025-01").null_reason == "too_few_customers"
    world = steady(1, one_leaves=False).build("metric_ltv", "metric_ltv_revenue")
    assert world.metric("ltv", "2025-01").null_reason == "no_gross_margin"
    assert world.metric("ltv_revenue", "2025-01").null_reason is None


def test_thirty_customers_are_enough_for_ltv(company):
    for customers, reason in ((29, "too_few_customers"), (30, None)):
        acme = company("2025-01-31")
        for number in range(customers):
            acme.sell(f"c{number:02}", 100, "2024-01-10")
        assert acme.metric("ltv_revenue", "2025-01").null_reason == reason


# Health


@pytest.fixture
def healthy(company: Callable[..., Company]) -> Company:
    """A company as of 30 June 2025 with five high-value features, and a usage feed that delivers."""
    acme = company("2025-06-30")
    for number in range(5):
        acme.add("features", feature_key=f"f{number}")
    acme.account("own", is_internal=True)
    acme.use("own", "2025-06-10", feature_key="f0")
    return acme


def component(world: World, name: str) -> dict[str, Decimal | None]:
    """Give June's score of a component for every customer."""
    return {
        row.account_id: row.score for row in world.rows("marts.fct_health_components", month="2025-06", component=name)
    }


def test_frequency_is_0_50_100_at_0_4_12_days_with_a_core_event(healthy):
    for days in (0, 2, 4, 8, 12, 20):
        healthy.sell(f"{days} days", 100, "2025-01-10")
        use_daily(healthy, f"{days} days", "2025-06", days, feature_key="f0")
    assert component(healthy.build("fct_health_components"), "frequency") == {
        "0 days": 0,
        "2 days": 25,
        "4 days": 50,
        "8 days": 75,
        "12 days": 100,
        "20 days": 100,
    }


def test_depth_is_0_50_100_at_none_a_fifth_and_three_fifths_of_the_features(healthy):
    for used in range(5):
        healthy.sell(f"{used} of 5", 100, "2025-01-10")
        for number in range(used):
            healthy.use(f"{used} of 5", "2025-06-10", feature_key=f"f{number}")
    assert component(healthy.build("fct_health_components"), "depth") == {
        "0 of 5": 0,
        "1 of 5": 50,
        "2 of 5": 75,
        "3 of 5": 100,
        "4 of 5": 100,
    }


def test_without_a_features_table_depth_is_of_the_features_seen_so_far(company):
    acme = company("2025-06-30")
    acme.sell("a", 100, "2025-01-10")
    acme.use("a", "2025-06-10", feature_key="one")
    acme.use("b", "2025-02-10", feature_key="two")
    acme.use("b", "2025-07-01", feature_key="not yet")
    row = acme.build("fct_health_components").row("marts.fct_health_components", month="2025-06", component="depth")
    assert row.input_value == Decimal("0.5")


def test_support_is_0_50_100_at_a_median_of_168_72_8_hours(healthy):
    cases = {
        "168 hours": (0, [("2025-06-10 00:00", "2025-06-17 00:00")]),
        "72 hours": (50, [("2025-06-10 00:00", "2025-06-13 00:00")]),
        "8 hours": (100, [("2025-06-10 00:00", "2025-06-10 08:00")]),
        "40 hours": (75, [("2025-06-10 00:00", "2025-06-11 16:00")]),
        "the middle two of four take 40 and 104 hours": (
            50,
            [
                ("2025-06-10 00:00", "2025-06-10 01:00"),
                ("2025-06-10 00:00", "2025-06-11 16:00"),
                ("2025-06-10 00:00", "2025-06-14 08:00"),
                ("2025-06-01 00:00", None),
            ],
        ),
        "open for 72 hours to the month's end": (50, [("2025-06-28 00:00", None)]),
        "resolved after the month's end": (50, [("2025-06-28 00:00", "2025-07-04 00:00")]),
        "opened 90 days ago": (50, [("2025-04-02 00:00", "2025-04-05 00:00")]),
        "opened before": (None, [("2025-04-01 23:59", "2025-04-05 00:00")]),
        "no ticket": (None, []),
    }
    for account, (_, tickets) in cases.items():
        healthy.sell(account, 100, "2025-01-10")
        for opened, resolved in tickets:
            healthy.add("support_tickets", account_id=account, opened_at=opened, resolved_at=resolved)
    scores = component(healthy.build("fct_health_components"), "support")
    assert scores == {account: score for account, (score, _) in cases.items()}


def test_contract_is_0_when_cancelling_50_without_auto_renewal_and_null_without_one(healthy):
    for account, requested in (("renews", None), ("ends", None), ("cancels", "2025-06-30 23:00"), ("none", None)):
        healthy.item(healthy.subscription(account, "2025-01-10", cancel_requested_at=requested), 100)
    for account in ("renews", "ends", "cancels"):
        healthy.add("contracts", account_id=account, start_date="2025-01-10", end_date="2025-06-30")
    healthy.add("contracts", account_id="ends", start_date="2025-06-30", end_date="2026-01-09", auto_renew=False)
    healthy.add("contracts", account_id="renews", start_date="2025-01-10", end_date="2025-06-29", auto_renew=False)
    healthy.add("contracts", account_id="none", start_date="2025-07-01", end_date="2026-01-09")
    assert component(healthy.build("fct_health_components"), "contract") == {
        "renews": 100,
        "ends": 50,
        "cancels": 0,
        "none": None,
    }


def test_sentiment_pools_nps_times_ten_and_csat_of_180_days(healthy):
    for account in ("pooled", "old", "latest"):
        healthy.sell(account, 100, "2024-01-10")
    healthy.answer("pooled", "nps", 8, "2025-01-02 00:00")
    healthy.answer("pooled", "csat", 2, "2025-06-10")
    healthy.answer("pooled", "ces", 1, "2025-06-10")
    healthy.answer("old", "nps", 8, "2025-01-01 23:59")
    healthy.answer("latest", "nps", 0, "2025-06-01", respondent_id="kim")
    healthy.answer("latest", "nps", 9, "2025-06-02", respondent_id="kim")
    assert component(healthy.build("fct_health_components"), "sentiment") == {
        "pooled": Decimal("52.5"),
        "old": None,
        "latest": 90,
    }


def test_engagement_is_0_50_100_at_0_1_3_activities_attended_and_null_for_tech_touch(healthy):
    for account, attended in (("0", 0), ("1", 1), ("2", 2), ("3", 3), ("tech", 3)):
        healthy.sell(account, 100_000 if account != "tech" else 99_999, "2025-01-10")
        for _ in range(attended):
            healthy.add("engagement_activities", account_id=account, occurred_at="2025-04-02 00:00")
    healthy.add("engagement_activities", account_id="0", occurred_at="2025-04-01 23:59")
    healthy.add("engagement_activities", account_id="0", occurred_at="2025-06-10", attended=False)
    assert component(healthy.build("fct_health_components"), "engagement") == {
        "0": 0,
        "1": 50,
        "2": 75,
        "3": 100,
        "tech": None,
    }


def test_engagement_is_not_known_where_nobody_did_anything(healthy):
    healthy.sell("a", 100_000, "2025-01-10")
    healthy.add("engagement_activities", account_id="own", occurred_at="2025-04-01 23:59")
    assert component(healthy.build("fct_health_components"), "engagement") == {"a": None}


def test_touch_is_set_at_the_start_of_the_fiscal_quarter(company):
    acme = company("2025-07-31")
    rises = acme.sell("rises", 99_999, "2025-02-10")
    acme.change(rises, "2025-04-10", unit_amount=1_000_000)
    acme.sell("starts", 1_000_000, "2025-05-10")
    acme.account("employs", employee_count=1000)
    acme.sell("employs", 1, "2025-02-10")
    world = acme.build("dim_account_months")
    rows = world.rows("marts.dim_account_months")
    touch = {(row.account_id, f"{row.month:%Y-%m}"): row.touch_model for row in rows}
    assert [touch["rises", month] for month in ("2025-03", "2025-06", "2025-07")] == ["tech", "tech", "high"]
    assert [touch["starts", month] for month in ("2025-03", "2025-05", "2025-07")] == ["unknown", "high", "high"]
    assert touch["employs", "2025-03"] == "high"


def test_a_score_is_the_weighted_mean_over_the_components_that_exist(healthy):
    healthy.sell("a", 100, "2025-01-10")
    use_daily(healthy, "a", "2025-06", 8, feature_key="f0")
    healthy.answer("a", "nps", 7, "2025-06-10")
    healthy.add("contracts", account_id="a", start_date="2025-01-10", end_date="2026-01-09")
    row = healthy.build("fct_health_scores").row("marts.fct_health_scores", month="2025-06")
    # Frequency 75 x 0.25, depth 50 x 0.20, contract 100 x 0.10, sentiment 70 x 0.15: 49.25 of 0.70.
    assert (row.score, row.coverage, row.tier) == (Decimal("70.3571"), Decimal("0.70"), "healthy")
    assert row.scored_on == date(2025, 6, 30)


def test_usage_alone_is_enough_for_a_tier_and_less_is_not(company):
    acme = company("2025-06-30")
    acme.sell("a", 100, "2025-01-10")
    acme.use("a", "2025-06-10")
    row = acme.build("fct_health_scores").row("marts.fct_health_scores", month="2025-06")
    assert (row.coverage, row.tier) == (Decimal("0.45"), "watch")
    acme.add("features", feature_key="reports", is_high_value=False)
    row = acme.build("fct_health_scores").row("marts.fct_health_scores", month="2025-06")
    assert (row.coverage, row.score, row.tier) == (Decimal("0.25"), Decimal("12.5"), "unknown")


def test_without_a_usage_feed_the_tier_is_unknown_whatever_else_is_known(company):
    acme = company("2025-06-30")
    acme.sell("a", 1_000_000, "2025-01-10")
    acme.answer("a", "nps", 10, "2025-06-10")
    acme.add("contracts", account_id="a", start_date="2025-01-10", end_date="2026-01-09")
    acme.add("support_tickets", account_id="a", opened_at="2025-06-10 00:00", resolved_at="2025-06-10 01:00")
    acme.add("engagement_activities", account_id="a", occurred_at="2025-06-10")
    row = acme.build("fct_health_scores").row("marts.fct_health_scores", month="2025-06")
    assert (row.coverage, row.tier) == (Decimal("0.55"), "unknown")


def test_nothing_known_is_no_score(company):
    acme = company("2025-06-30")
    acme.sell("a", 100, "2025-01-10")
    world = acme.build("fct_health_scores", "metric_health_score")
    row = world.row("marts.fct_health_scores", month="2025-06")
    assert (row.score, row.coverage, row.tier) == (None, 0, "unknown")
    assert world.metric("health_score", "2025-06").null_reason == "no_customers"
    risk = acme.metric("mrr_at_risk", "2025-06")
    assert (risk.value, risk.null_reason) == (None, "no_customers")


def thrive(acme: Company, account: str) -> None:
    """Sell to a customer whose usage is worth 100 in June."""
    acme.sell(account, 100, "2024-01-10")
    use_daily(acme, account, "2025-06", 12, feature_key="f0")
    for number in (1, 2):
        acme.use(account, "2025-06-10", feature_key=f"f{number}")


def tiers(acme: Company) -> dict[str, tuple[str, str | None, date | None]]:
    """Give June's tier of every customer, with the flag that holds and when that expires."""
    rows = acme.build("fct_health_scores").rows("marts.fct_health_scores", month="2025-06", score=100)
    return {row.account_id: (row.tier, row.red_flag, row.red_flag_expires_on) for row in rows}


def test_a_cancellation_that_was_asked_for_caps_the_tier_at_risk_for_a_year(healthy):
    cases = {
        "today": ("2025-06-30 23:00", None, date(2026, 6, 30)),
        "tomorrow": ("2025-07-01 00:00", None, None),
        "364 days ago": ("2024-07-01 00:00", None, date(2025, 7, 1)),
        "365 days ago": ("2024-06-30 23:00", None, None),
        "ended since": ("2025-06-10 23:00", "2025-06-20", None),
        "not at all": (None, None, None),
    }
    for account, (requested, end, _) in cases.items():
        thrive(healthy, account)
        healthy.item(healthy.subscription(account, "2024-01-10", end, cancel_requested_at=requested), 100)
    assert tiers(healthy) == {
        account: ("at_risk", "cancel_requested", expires) if expires else ("healthy", None, None)
        for account, (_, _, expires) in cases.items()
    }
    # Two of them, with 200 each.
    risk = healthy.metric("mrr_at_risk", "2025-06")
    assert (risk.value, risk.numerator, risk.denominator, risk.sample_size) == (400, 400, None, 6)


def test_an_invoice_unpaid_30_days_after_it_was_due_caps_the_tier_at_watch_for_180(healthy):
    due = "2025-05-31 09:00"
    cases = {
        "30 days ago": ({"due_at": due}, date(2025, 12, 27)),
        "29 days ago": ({"due_at": "2025-06-01 00:00"}, None),
        "209 days ago": ({"due_at": "2024-12-03 00:00"}, date(2025, 7, 1)),
        "210 days ago": ({"due_at": "2024-12-02 00:00"}, None),
        "paid today": ({"due_at": due, "paid_at": "2025-06-30 23:00", "status": "paid"}, None),
        "paid tomorrow": ({"due_at": due, "paid_at": "2025-07-01 00:00", "status": "paid"}, date(2025, 12, 27)),
        "void": ({"due_at": due, "status": "void"}, None),
        "a credit note": ({"due_at": due, "credit_note_of": "line", "amount_ex_tax": -100}, None),
        "never due": ({"due_at": None}, None),
    }
    for account, (invoice, _) in cases.items():
        thrive(healthy, account)
        healthy.add("invoice_lines", account_id=account, **invoice)
    assert tiers(healthy) == {
        account: ("watch", "invoice_overdue", expires) if expires else ("healthy", None, None)
        for account, (_, expires) in cases.items()
    }


def test_the_lowest_cap_counts_and_an_unknown_tier_stays_unknown(healthy):
    thrive(healthy, "a")
    healthy.item(healthy.subscription("a", "2024-01-10", cancel_requested_at="2025-05-10"), 100)
    healthy.add("invoice_lines", account_id="a", due_at="2025-04-10")
    world = healthy.build("fct_health_scores")
    tier = {f"{row.month:%Y-%m}": row.tier for row in world.rows("marts.fct_health_scores", account_id="a")}
    assert (tier["2025-06"], tier["2025-05"]) == ("at_risk", "unknown")


def test_health_score_is_the_mean_and_healthy_the_share_of_customers_with_a_score(healthy):
    thrive(healthy, "a")
    healthy.sell("b", 100, "2025-01-10")
    healthy.sell("left", 100, "2025-01-10", "2025-06-10")
    world = healthy.build("metric_health_score", "metric_healthy_account_rate")
    assert world.value("health_score", "2025-06") == 50
    assert world.value("healthy_account_rate", "2025-06") == Decimal("0.5")
