{% set metric_keys = [
    'mrr', 'arr', 'arpa', 'logo_churn_rate', 'logo_churn_rate_ttm', 'logo_retention_rate', 'revenue_churn_rate',
    'nrr_monthly', 'grr_monthly', 'nrr', 'nrr_strict', 'nrr_ex_price', 'nrr_compounded', 'grr', 'grr_strict',
    'grr_compounded', 'ltv', 'ltv_revenue', 'early_churn_rate', 'nps', 'csat', 'ces', 'ces_mean',
    'onboarding_completion_rate', 'time_to_value_days', 'active_account_rate', 'health_score', 'healthy_account_rate',
    'ltv_restricted', 'cac_payback_months', 'ltv_to_cac',
    'renewal_rate', 'renewal_rate_by_count',
] %}

with metrics as (
    {% for metric_key in metric_keys %}
    select * from {{ ref('metric_' ~ metric_key) }}
    {% if not loop.last %}
    union all
    {% endif %}
    {% endfor %}
),

dim_months as (
    select * from {{ ref('dim_months') }}
),

settings as (
    select * from {{ ref('stg_run_settings') }}
),

final as (
    select
        metrics.metric_key,
        metrics.month,
        metrics.segment_type,
        metrics.segment_value,
        metrics.numerator,
        metrics.denominator,
        metrics.value,
        metrics.sample_size,
        metrics.null_reason,
        cast(null as decimal(38, 10)) as closed_value,
        dim_months.is_complete_month,
        false as is_closed,
        settings.policy_version
    from metrics
    inner join dim_months on metrics.month = dim_months.month
    cross join settings
)

select * from final
