"""What must hold in every world, as queries for the rows that break it."""

from worlds.warehouse import Judged, Warehouse
from worlds.world import World

AMOUNTS = "opening_mrr + new_mrr + reactivation_mrr + expansion_mrr - contraction_mrr - churned_mrr + fx_mrr"
SEGMENT_TYPES = ("plan_tier", "size_band", "industry", "country")
LEVELS = ("mrr", "arr")
# Metrics without parts: their segments do not sum to anything.
PARTLESS = ("nrr_compounded", "grr_compounded", "ltv", "ltv_revenue", "time_to_value_days")
COMPARISONS = ("recomputed_metric_differences", "recomputed_movement_differences", "recomputed_account_differences")

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
            where metric_values.segment_type = 'total' and metric_key not in {PARTLESS}
            union all
            select metric_key, month, segment_type, -numerator, -denominator, -sample_size
            from metrics.metric_values where segment_type <> 'total' and metric_key not in {PARTLESS}
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
                'active_account_rate', 'healthy_account_rate'
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
    "sql and python agree on every metric": """
        select * from reconciliation.recomputed_metric_differences where is_different
    """,
    "sql and python agree on every movement": """
        select * from reconciliation.recomputed_movement_differences where is_different
    """,
    "sql and python agree on every other value of a customer": """
        select * from reconciliation.recomputed_account_differences where is_different
    """,
    "sql and python agree on every customer and month": """
        with sql_rows as (
            select
                account_id, month, opening_mrr, new_mrr, reactivation_mrr, expansion_mrr, contraction_mrr, churned_mrr,
                fx_mrr, closing_mrr, movement_type
            from marts.fct_account_months
        )

        (select 'sql' as side, * from (select * from sql_rows except all select * from recomputed.account_months))
        union all
        (select 'python' as side, * from (select * from recomputed.account_months except all select * from sql_rows))
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
