{% set metric_keys = [
    'mrr', 'arr', 'arpa', 'logo_churn_rate', 'logo_churn_rate_ttm', 'logo_retention_rate', 'revenue_churn_rate',
    'nrr_monthly', 'grr_monthly', 'nrr', 'nrr_strict', 'nrr_ex_price', 'nrr_compounded', 'grr', 'grr_strict',
    'grr_compounded', 'ltv', 'ltv_revenue', 'early_churn_rate', 'nps', 'csat', 'ces', 'ces_mean',
    'onboarding_completion_rate', 'time_to_value_days', 'active_account_rate', 'health_score', 'healthy_account_rate',
    'ltv_restricted', 'cac_payback_months', 'ltv_to_cac',
    'renewal_rate', 'renewal_rate_by_count',
    'new_customers', 'new_mrr', 'upsell_rate', 'cross_sell_rate', 'upsell_cross_sell_rate', 'upsell_mrr_rate',
    'cross_sell_mrr_rate', 'mrr_at_risk', 'product_usage_rate', 'usage_depth_rate', 'usage_days',
] %}

with metrics as (
    {% for metric_key in metric_keys %}
    select * from {{ ref('metric_' ~ metric_key) }}
    {% if not loop.last %}
    union all
    {% endif %}
    {% endfor %}
),

closed_values as (
    select * from {{ source('state', 'closed_metric_values') }}
),

locked_metrics as (
    select distinct
        metric_key,
        month
    from closed_values
),

closes as (
    select * from {{ source('state', 'closes') }}
    where is_in_force
),

dim_months as (
    select * from {{ ref('dim_months') }}
),

settings as (
    select * from {{ ref('stg_run_settings') }}
),

-- What was locked stays to be seen, also where nobody stands in the segment any more. Of a closed month it is what to
-- show: nothing in a segment in which nobody stood then, the live figure of a metric that no close knew yet.
side_by_side as (
    select
        coalesce(metrics.metric_key, closed_values.metric_key) as metric_key,
        coalesce(metrics.month, closed_values.month) as month,
        coalesce(metrics.segment_type, closed_values.segment_type) as segment_type,
        coalesce(metrics.segment_value, closed_values.segment_value) as segment_value,
        metrics.numerator,
        metrics.denominator,
        metrics.metric_value as value,
        coalesce(metrics.sample_size, 0) as sample_size,
        case when metrics.metric_key is null then 'closed_only' else metrics.null_reason end as null_reason,
        closed_values.closed_value,
        case when locked_metrics.month is null then metrics.metric_value else closed_values.closed_value end
            as headline_value,
        case
            when locked_metrics.month is null then metrics.null_reason
            when closed_values.month is null then 'not_locked'
            else closed_values.null_reason
        end as headline_null_reason
    from metrics
    full outer join closed_values
        on
            metrics.metric_key = closed_values.metric_key
            and metrics.month = closed_values.month
            and metrics.segment_type = closed_values.segment_type
            and metrics.segment_value = closed_values.segment_value
    left join locked_metrics
        on
            coalesce(metrics.metric_key, closed_values.metric_key) = locked_metrics.metric_key
            and coalesce(metrics.month, closed_values.month) = locked_metrics.month
),

final as (
    select
        side_by_side.*,
        coalesce(dim_months.is_complete_month, true) as is_complete_month,
        closes.month is not null as is_closed,
        settings.policy_version
    from side_by_side
    left join dim_months on side_by_side.month = dim_months.month
    left join closes on side_by_side.month = closes.month
    cross join settings
)

select * from final
