with fct_health_scores as (
    select * from {{ ref('fct_health_scores') }}
),

fct_account_months as (
    select * from {{ ref('fct_account_months') }}
),

dim_account_months as (
    select * from {{ ref('dim_account_months') }}
),

dim_months as (
    select * from {{ ref('dim_months') }}
),

scored_customers as (
    select
        1 as is_scored,
        case when fct_health_scores.tier = 'healthy' then 1 else 0 end as is_healthy,
        fct_health_scores.score,
        case when fct_health_scores.tier = 'at_risk' then fct_account_months.closing_mrr else 0 end as at_risk_mrr,
        dim_account_months.plan_tier,
        dim_account_months.size_band,
        dim_account_months.industry,
        dim_account_months.country,
        fct_health_scores.month
    from fct_health_scores
    inner join dim_account_months
        on
            fct_health_scores.account_id = dim_account_months.account_id
            and fct_health_scores.month = dim_account_months.month
    inner join fct_account_months
        on
            fct_health_scores.account_id = fct_account_months.account_id
            and fct_health_scores.month = fct_account_months.month
    where fct_health_scores.score is not null

    union all

    select
        0 as is_scored,
        0 as is_healthy,
        0 as score,
        0 as at_risk_mrr,
        {% for column in segment_columns() %}
        'unknown' as {{ column }},
        {% endfor %}
        month
    from dim_months
),

final as (
    select
        {{ segment_type() }} as segment_type,
        {{ segment_value() }} as segment_value,
        cast(sum(score) as decimal(38, 4)) as score_sum,
        cast(sum(at_risk_mrr) as decimal(38, 4)) as at_risk_mrr,
        cast(sum(is_scored) as bigint) as scored_count,
        cast(sum(is_healthy) as bigint) as healthy_count,
        month
    from scored_customers
    group by {{ segment_sets('month') }}  -- noqa: PRS
)

select * from final
