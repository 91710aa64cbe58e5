"""What must hold in every world, as queries for the rows that break it."""

from builders.warehouse import Judged, Warehouse
from builders.world import World

AMOUNTS = "opening_mrr + new_mrr + reactivation_mrr + expansion_mrr - contraction_mrr - churned_mrr + fx_mrr"
SEGMENT_TYPES = ("plan_tier", "size_band", "industry", "country")
LEVELS = ("mrr", "arr", "new_customers", "new_mrr", "mrr_at_risk")
# Metrics without parts: their segments do not sum to anything.
PARTLESS = ("nrr_compounded", "grr_compounded", "ltv", "ltv_revenue", "ltv_restricted", "time_to_value_days")
# The company's own: no segments.
TOTALS_ONLY = ("cac_payback_months", "ltv_to_cac")
COMPARISON = "reconciliation.recomputed_differences"

IDENTITIES = {
    "the waterfall closes for every customer and month": f"""
        select * from marts.fct_account_months where {AMOUNTS} <> closing_mrr
    """,
    "a customer's opening is the closing of the month before": """
        select * from (
            select *, lag(closing_mrr, 1, 0) over (partition by account_id order by month) as last_closing_mrr
            from marts.fct_account_months
        ) where opening_mrr <> last_closing_mrr
    """,
    "customers have a row for every month from their first": """
        select account_id from marts.fct_account_months group by account_id
        having count(*) <> (select count(*) from marts.dim_months where month >= min(fct_account_months.month))
    """,
    "a customer has one movement a month, and its amount stands in its own column": """
        select * from marts.fct_account_months
        where
            (new_mrr <> 0) <> (movement_type = 'new')
            or (reactivation_mrr <> 0) <> (movement_type = 'reactivation')
            or (expansion_mrr <> 0) <> (movement_type = 'expansion')
            or (contraction_mrr <> 0) <> (movement_type = 'contraction')
            or (churned_mrr <> 0) <> (movement_type = 'churn')
            or least(new_mrr, reactivation_mrr, expansion_mrr, contraction_mrr, churned_mrr, closing_mrr) < 0
    """,
    "a customer is new once, and first": """
        select account_id from marts.fct_account_months group by account_id
        having
            count(*) filter (where movement_type = 'new') <> 1
            or min(month) <> min(month) filter (where movement_type = 'new')
    """,
    "movements sum to closing less opening": """
        select account_id, month, sum(change_mrr), sum(amount_mrr) from (
            select account_id, month, closing_mrr - opening_mrr as change_mrr, 0 as amount_mrr
            from marts.fct_account_months
            union all
            select account_id, month, 0, amount_mrr from marts.fct_mrr_movements
        ) group by account_id, month having sum(change_mrr) <> sum(amount_mrr)
    """,
    "reasons sum to their movement": """
        select account_id, month, movement_type, sum(amount_mrr) from (
            select account_id, month, movement_type, expansion_mrr - contraction_mrr as amount_mrr
            from marts.fct_account_months where movement_type in ('expansion', 'contraction')
            union all
            select account_id, month, movement_type, -amount_mrr from marts.fct_mrr_movements
            where movement_type in ('expansion', 'contraction')
        ) group by account_id, month, movement_type having sum(amount_mrr) <> 0
    """,
    "expansions and contractions have reasons, other movements have none": """
        select * from marts.fct_mrr_movements
        where
            (movement_type in ('expansion', 'contraction')) <> (reason is not null)
            or reason not in ('price', 'tier', 'seat', 'discount', 'cross_sell', 'pause')
            or amount_mrr = 0
    """,
    "churn has a reason, other movements have none": """
        select * from marts.fct_account_months
        where
            (movement_type = 'churn') <> (churn_reason is not null)
            or churn_reason not in ('voluntary', 'involuntary', 'pause', 'unknown')
    """,
    "what customers bring along sums to zero": """
        select month, segment_type from metrics.mrr_waterfall group by month, segment_type
        having sum(segment_transfer_mrr) <> 0
    """,
    "the waterfall's total is that of the customers": """
        select * from metrics.mrr_waterfall as waterfall
        where waterfall.segment_type = 'total' and (
            select row(
                coalesce(sum(opening_mrr), 0), coalesce(sum(new_mrr), 0), coalesce(sum(reactivation_mrr), 0),
                coalesce(sum(expansion_mrr), 0), coalesce(sum(contraction_mrr), 0), coalesce(sum(churned_mrr), 0),
                coalesce(sum(fx_mrr), 0), coalesce(sum(closing_mrr), 0)
            ) from marts.fct_account_months where fct_account_months.month = waterfall.month
        ) <> row(
            opening_mrr, new_mrr, reactivation_mrr, expansion_mrr, contraction_mrr, churned_mrr, fx_mrr, closing_mrr
        )
    """,
    "a customer's MRR is that of its items": """
        select account_id, month from (
            select account_id, month, closing_mrr as mrr from marts.fct_account_months
            union all
            select account_id, month, -mrr from intermediate.int_item_months
        ) group by account_id, month having sum(mrr) <> 0
    """,
    "every metric has a total for every month": """
        select metric_key, month from metrics.metric_catalog cross join marts.dim_months
        except all
        select metric_key, month from metrics.metric_values where segment_type = 'total'
    """,
    "a segment stands only where somebody is": """
        select * from metrics.metric_values
        where segment_type <> 'total' and sample_size = 0 and null_reason is distinct from 'closed_only'
    """,
    "segments sum to the total": f"""
        select metric_key, month, segment_type from (
            select metric_key, month, split.segment_type, numerator, denominator, sample_size
            from metrics.metric_values cross join (values {", ".join(f"('{name}')" for name in SEGMENT_TYPES)})
                as split (segment_type)
            where metric_values.segment_type = 'total' and metric_key not in {PARTLESS + TOTALS_ONLY}
            union all
            select metric_key, month, segment_type, -numerator, -denominator, -sample_size
            from metrics.metric_values where segment_type <> 'total' and metric_key not in {PARTLESS + TOTALS_ONLY}
        ) group by metric_key, month, segment_type
        having sum(numerator) <> 0 or sum(denominator) <> 0 or sum(sample_size) <> 0
    """,
    "a value is its numerator over its denominator": f"""
        select * from metrics.metric_values
        where
            metric_key not in {LEVELS} and value is not null and numerator is not null
            and abs(value * cast(denominator as decimal(18, 4)) - numerator) > denominator * 0.0000000001
            or metric_key in {LEVELS} and value <> numerator
    """,
    "a value is missing exactly where a reason says why": """
        select * from metrics.metric_values where (value is null) <> (null_reason is not null)
    """,
    "shares lie between 0 and 1": """
        select * from metrics.metric_values
        where
            metric_key in (
                'logo_churn_rate', 'logo_churn_rate_ttm', 'logo_retention_rate', 'revenue_churn_rate', 'grr_monthly',
                'grr',
                'grr_strict', 'grr_compounded', 'early_churn_rate', 'csat', 'ces', 'onboarding_completion_rate',
                'active_account_rate', 'healthy_account_rate', 'renewal_rate', 'renewal_rate_by_count'
            ) and value not between 0 and 1
            or metric_key = 'nps' and value not between -100 and 100
            or metric_key = 'health_score' and value not between 0 and 100
    """,
    "strict and price-free retention are never above plain retention": """
        select strict.* from metrics.metric_values as strict
        inner join metrics.metric_values as plain using (month, segment_type, segment_value)
        where
            (strict.metric_key, plain.metric_key) in (
                ('nrr_strict', 'nrr'), ('nrr_ex_price', 'nrr'), ('grr', 'nrr'), ('grr_strict', 'grr'),
                ('grr_monthly', 'nrr_monthly')
            ) and strict.value > plain.value
    """,
    "retention and churn of customers sum to one": """
        select churn.* from metrics.metric_logo_churn_rate as churn
        full outer join metrics.metric_logo_retention_rate as retention using (month, segment_type, segment_value)
        where
            churn.denominator is distinct from retention.denominator
            or churn.numerator + retention.numerator is distinct from churn.denominator
    """,
    "what the plan rates move, they move in months in which one of them changes": """
        select account_id, month from marts.fct_account_months as moved
        where fx_mrr <> 0 and not exists (
            select 1 from intermediate.int_item_months as items
            inner join intermediate.int_plan_rates as rates
                on items.currency = rates.currency and items.month_index + 1 = rates.month_index
            where
                items.account_id = moved.account_id and rates.month = moved.month
                and items.plan_rate <> rates.plan_rate
        )
    """,
    "as reported, the waterfall closes for every customer and month": f"""
        select * from intermediate.int_as_reported_account_months
        where
            {AMOUNTS} <> closing_mrr
            or least(new_mrr, reactivation_mrr, expansion_mrr, contraction_mrr, churned_mrr) < 0
    """,
    "as reported, a customer's opening is the closing of the month before": """
        select * from (
            select
                *, lag(closing_mrr, 1, 0) over (partition by account_id order by month) as last_closing_mrr,
                min(month) over () as first_month
            from intermediate.int_as_reported_account_months
        ) where opening_mrr <> last_closing_mrr and month <> first_month or month = first_month and fx_mrr <> 0
    """,
    "as reported and in plan rates, who holds the reporting currency alone has the same months": """
        select reported.account_id, reported.month
        from intermediate.int_as_reported_account_months as reported
        left join marts.fct_account_months as constant using (account_id, month)
        where
            reported.account_id not in (
                select account_id from intermediate.int_account_closings where has_foreign_items
            )
            and (
                reported.opening_mrr, reported.new_mrr, reported.reactivation_mrr, reported.expansion_mrr,
                reported.contraction_mrr, reported.churned_mrr, reported.fx_mrr, reported.closing_mrr
            ) is distinct from (
                constant.opening_mrr, constant.new_mrr, constant.reactivation_mrr, constant.expansion_mrr,
                constant.contraction_mrr, constant.churned_mrr, constant.fx_mrr, constant.closing_mrr
            )
    """,
    "as reported, the waterfall's total is that of the customers": """
        select month, segment_type from metrics.mrr_waterfall_as_reported
        group by month, segment_type
        having (
            select row(
                sum(opening_mrr), sum(new_mrr), sum(reactivation_mrr), sum(expansion_mrr), sum(contraction_mrr),
                sum(churned_mrr), sum(fx_mrr), sum(closing_mrr)
            ) from intermediate.int_as_reported_account_months as customers
            where customers.month = mrr_waterfall_as_reported.month
        ) <> row(
            sum(opening_mrr), sum(new_mrr), sum(reactivation_mrr), sum(expansion_mrr), sum(contraction_mrr),
            sum(churned_mrr), sum(fx_mrr), sum(closing_mrr)
        ) and segment_type = 'total'
    """,
    "where month-end rates are needed and none was brought, nothing is said to be as reported": """
        select month from metrics.mrr_waterfall_as_reported
        where
            exists (select 1 from intermediate.int_item_months where not is_reporting_currency)
            and month < (
                select coalesce(date_trunc('month', min(rate_date)), date '9999-12-31')
                from staging.stg_exchange_rates, staging.stg_run_settings as settings
                where rate_type = 'month_end' and quote_currency = settings.currency and rate_date <= as_of_date
            )
    """,
    "in its own money, a currency's closing is that of its items": """
        select month, currency from (
            select month, currency, closing_mrr as mrr from metrics.mrr_waterfall_native
            union all
            select month, currency, -native_mrr from intermediate.int_item_months
        ) group by month, currency having sum(mrr) <> 0
    """,
    "retention as it is seen today is the same beside the old hierarchy": """
        select account_id, month, window_months, sum(opening_mrr), sum(closing_mrr) from (
            select account_id, month, window_months, as_is_opening_mrr as opening_mrr, as_is_closing_mrr as closing_mrr
            from reconciliation.retention_by_hierarchy
            union all
            select account_id, month, window_months, -opening_mrr, -closing_mrr from marts.fct_retention_account_months
        ) group by account_id, month, window_months having sum(opening_mrr) <> 0 or sum(closing_mrr) <> 0
    """,
    "both bases have the same cohort's MRR, and a cause exactly where a customer's differ": """
        select * from reconciliation.retention_by_hierarchy
        where
            as_was_opening_mrr <> as_is_opening_mrr
            or as_was_closing_mrr <> as_is_closing_mrr and cause is null
            or as_was_closing_mrr = as_is_closing_mrr and cause is not null and cause <> 'several'
            or as_was_closing_mrr < 0
    """,
    "a life is expected to last a month at least, and no longer than anybody has lived": """
        select * from intermediate.int_survival_by_segment
        where
            expected_months < 1
            or expected_months > 1 + datediff('month', (select min(month) from marts.dim_months), month)
    """,
    "the months of an invoice line sum to it": """
        select invoice_line_id from (
            select invoice_line_id, native_amount as amount from reconciliation.invoice_line_classes
            union all
            select lines.invoice_line_id, -lines.amount_ex_tax from staging.stg_invoice_lines as lines
            inner join intermediate.int_account_roots as roots using (account_id)
            cross join staging.stg_run_settings as settings
            where
                not roots.is_excluded and lines.status <> 'void'
                and cast(timezone(settings.time_zone, timezone('UTC', lines.issued_at)) as date) <= settings.as_of_date
        ) group by invoice_line_id having sum(amount) <> 0
    """,
    "what invoices bill and the classes sum to MRR, for every customer and in total": """
        select account_id, month from reconciliation.mrr_to_invoices group by account_id, month
        having sum(case when class = 'mrr' then -amount else amount end) <> 0
    """,
    "the walk from invoices ends at MRR": """
        select month from (
            select month, amount from reconciliation.mrr_to_invoices where is_total and class = 'mrr'
            union all
            select month, -numerator from metrics.metric_mrr where segment_type = 'total'
        ) group by month having sum(amount) <> 0 or count(*) <> 2
    """,
    "the walk from invoices starts with the invoice lines of the month": """
        select month from (
            select month, amount from reconciliation.mrr_to_invoices where is_total and class = 'invoiced'
            union all
            select month, -invoiced_amount from reconciliation.invoice_line_classes where is_published
        ) group by month having sum(amount) <> 0
    """,
    "the items behind a customer's NRR sum to it": """
        select account_id, month from (
            select account_id, month, opening_mrr, closing_mrr from marts.fct_retention_account_months
            where window_months = 12
            union all
            select windows.account_id, windows.month, -evidence.mrr_at_next_years_rate, 0
            from marts.fct_retention_account_months as windows
            inner join reconciliation.nrr_evidence as evidence
                on windows.account_id = evidence.account_id and evidence.month = windows.month - interval 12 month
            where windows.window_months = 12
            union all
            select windows.account_id, windows.month, 0, -evidence.mrr
            from marts.fct_retention_account_months as windows
            inner join reconciliation.nrr_evidence as evidence using (account_id, month)
            where windows.window_months = 12
        ) group by account_id, month having sum(opening_mrr) <> 0 or sum(closing_mrr) <> 0
    """,
    "a health score is 50 and its contributions": """
        select account_id, month from (
            select account_id, month, 50 - score as points from marts.fct_health_scores where score is not null
            union all
            select account_id, month, contribution from marts.fct_health_components where contribution is not null
        ) group by account_id, month having abs(sum(points)) > 0.0002
    """,
    "every paying customer is scored at every month end": """
        select account_id, month from marts.fct_account_months where closing_mrr > 0
        except all
        select account_id, month from marts.fct_health_scores
    """,
    "what is another thing today than was locked is listed, to the minor unit": """
        select account_id, month from (
            select account_id, month, live_closing_mrr - closing_mrr as difference_mrr
            from reconciliation.closed_account_months
            union all
            select account_id, month, closing_mrr from marts.fct_account_months
            where month in (select month from state.closes where is_in_force) and (account_id, month) not in (
                select (account_id, month) from reconciliation.closed_account_months
            )
            union all
            select account_id, month, -difference_mrr from reconciliation.restatements
        ) group by account_id, month having sum(difference_mrr) <> 0
    """,
    "no restatement is unexplained": """
        select * from reconciliation.restatements where reason = 'unexplained'
    """,
    "sql and python agree on every column of every table": """
        select * from reconciliation.recomputed_differences
    """,
}


def breaks(world: World, sentence: str) -> list[tuple]:
    """Give the first rows that break an identity."""
    return world.query(f"select * from ({IDENTITIES[sentence]}) order by all limit 5")


def faults(warehouse: Warehouse, judged: Judged) -> dict[str, list[tuple]]:
    """Build a company and give what is wrong with it: identities that break, and the project's data tests that fail."""
    world = warehouse.build_judged(judged)
    found = {sentence: breaks(world, sentence) for sentence in IDENTITIES}
    found |= {test: world.query(sql) for test, sql in warehouse.data_tests.items()}
    return {name: rows for name, rows in found.items() if rows}
