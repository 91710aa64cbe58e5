"""Puts the parts together: one company, all 27 raw tables, and the record of what is planted in them."""

from pathlib import Path

import pandas as pd

from orchestration.demo import accounts as who
from orchestration.demo import billing, finance, relations, subscriptions, usage
from orchestration.demo import constants as figures
from orchestration.demo.tables import TableFolder

EVENTS_PER_FILE = 5_000_000


def write_demo(folder: Path, size: float = 1.0, force: bool = False) -> dict:
    """Write the company of a size into a folder, whole or not at all, and return its record."""
    target = TableFolder(Path(folder).resolve(), force)
    try:
        customers = _write_tables(target, size)
        company = {
            "as_of_date": figures.AS_OF_DATE,
            "size": size,
            "seed": figures.SEED,
            "accounts": target.rows["accounts"],
            "customers": customers,
            "rows": target.rows,
            "planted": planted_effects(),
        }
        target.finish(company)
    except BaseException:
        target.abandon()
        raise
    return company


def _write_tables(target: TableFolder, size: float) -> int:
    """Write every table; return the number of customers."""
    accounts, spells, pauses, versions = subscriptions.make_company(size)
    _write_money(target, size, accounts, spells, pauses, versions)
    people = usage.People(accounts, spells)
    spans = usage.service_spans(accounts, spells, pauses)
    _write_relations(target, accounts, spells, versions, spans, people)
    target.write("accounts", who.account_rows(accounts))
    target.write("account_parents", who.parent_rows(accounts))
    target.write("features", usage.feature_rows())
    target.write("users", people.rows(spells))
    target.write("onboarding_milestones", usage.onboarding_rows(accounts, spells))
    target.write_parts("usage_events", usage.event_parts(accounts, spans, people), EVENTS_PER_FILE)
    return int((accounts["kind"] == who.CUSTOMER).sum())


def _write_money(target: TableFolder, size: float, accounts, spells, pauses, versions) -> None:
    sides = billing.side_lines(accounts, spells)
    all_versions = pd.concat([versions, sides], ignore_index=True).sort_values(
        ["spell", "line", "from_day"], kind="stable", ignore_index=True
    )
    target.write("products", billing.product_rows())
    target.write("subscriptions", billing.subscription_rows(accounts, spells, pauses))
    target.write("subscription_pauses", billing.pause_rows(pauses))
    target.write("subscription_item_versions", billing.version_rows(accounts, spells, all_versions))
    target.write("contracts", finance.contract_rows(accounts, spells, versions))
    months = finance.line_months(finance.in_force(spells, pauses, versions))
    adjustments = finance.chosen_adjustments(accounts, spells, months)
    lines = billing.billed_lines(accounts, spells, pauses, versions, sides)
    lines = billing.with_adjusted(lines, adjustments)
    target.write("invoice_lines", billing.invoice_rows(accounts, spells, lines))
    target.write("revenue_ledger", finance.ledger_rows(accounts, spells, months, lines))
    mrr_by_rate = finance.closing_mrr(accounts, spells, months)
    target.write("reported_metrics", finance.reported_rows(mrr_by_rate))
    target.write("unit_economics", finance.economics_rows(accounts, mrr_by_rate, size))
    target.write("exchange_rates", finance.rate_rows())
    target.write("manual_adjustments", finance.adjustment_rows(adjustments))


def _write_relations(target: TableFolder, accounts, spells, versions, spans, people: usage.People) -> None:
    months = relations.account_months(accounts, spans)
    found_tickets = relations.tickets(accounts, months)
    sends = relations.survey_sends(accounts, months, found_tickets, people)
    managers = relations.Managers(accounts)
    deals = relations.opportunities(accounts, spells, versions, months)
    target.write("support_tickets", relations.ticket_rows(found_tickets))
    target.write("survey_sends", relations.send_rows(sends))
    target.write("survey_responses", relations.response_rows(accounts, sends, people))
    target.write("csm_assignments", managers.rows())
    target.write("engagement_activities", relations.activity_rows(accounts, months, managers))
    target.write("opportunities", relations.opportunity_rows(accounts, deals))
    target.write("handoffs", relations.handoff_rows(accounts))
    target.write("cs_feedback", relations.feedback_rows(accounts, months, deals))
    target.write("referrals", relations.referral_rows(accounts, months))
    target.write("success_plans", relations.plan_rows(accounts, spells))


def planted_effects() -> dict:
    """Return the effects planted in the data, as figures that later work must find again."""
    first_year = figures.MONTHLY_HAZARD[0]
    return {
        "onboarding": {
            "monthly_hazard": figures.MONTHLY_HAZARD,
            "first_year_hazard_ratio": first_year["onboarded"] / first_year["not_onboarded"],
            "hazard_factor_by_plan": [plan["hazard"] for plan in figures.PLANS],
            "onboarded_within_days": figures.ONBOARDING_DAYS,
            "onboarded_share": figures.ONBOARDED_SHARE,
        },
        "usage_before_churn": [
            {"from_days_before": last, "to_days_before": first, "factor": factor}
            for first, last, factor in figures.USAGE_BEFORE_CHURN
        ],
        "nps_by_days_of_use_in_28": [{"from_days": days, "mean_score": score} for days, score in figures.NPS_BY_USAGE],
        "involuntary_churn": {
            "share_of_churn": figures.INVOLUNTARY_SHARE,
            "unpaid_days_before_end": figures.UNPAID_DAYS_BEFORE_INVOLUNTARY_END,
        },
        "price_uplift_each_april": figures.PRICE_UPLIFT,
        "support_hours_median": {
            "usual": figures.TICKET_HOURS_MEDIAN,
            "before_churn": figures.TICKET_HOURS_MEDIAN_BEFORE_CHURN,
        },
        "late_renewal_share": figures.LATE_RENEWAL_SHARE,
        "reactivation_share": figures.REACTIVATION_SHARE,
        "reported_nrr_differences": figures.REPORTED_DIFFERENCES,
    }
