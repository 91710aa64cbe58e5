{% set lines = [
    'opening_mrr', 'expansion_mrr', 'contraction_mrr', 'churned_mrr', 'outside_expansion_mrr', 'outside_contraction_mrr',
    'outside_churned_mrr', 'cohort_reactivation_mrr', 'cohort_fx_mrr', 'cohort_closing_mrr', 'opening_revaluation_mrr',
] %}

with int_nrr_bridge_accounts as (
    select * from {{ ref('int_nrr_bridge_accounts') }}
),

dim_account_months as (
    select * from {{ ref('dim_account_months') }}
),

fct_retention_account_months as (
    select * from {{ ref('fct_retention_account_months') }}
),

bridged as (
    select
        bridge.month,
        dim_account_months.plan_tier,
        dim_account_months.size_band,
        dim_account_months.industry,
        dim_account_months.country,
        bridge.opening_mrr,
        bridge.expansion_mrr,
        bridge.contraction_mrr,
        bridge.churned_mrr,
        case when bridge.is_in_cohort then 0 else bridge.expansion_mrr end as outside_expansion_mrr,
        case when bridge.is_in_cohort then 0 else bridge.contraction_mrr end as outside_contraction_mrr,
        case when bridge.is_in_cohort then 0 else bridge.churned_mrr end as outside_churned_mrr,
        case when bridge.is_in_cohort then bridge.reactivation_mrr else 0 end as cohort_reactivation_mrr,
        case when bridge.is_in_cohort then bridge.fx_mrr else 0 end as cohort_fx_mrr,
        bridge.cohort_closing_mrr,
        case when bridge.is_in_cohort then coalesce(retention.opening_mrr, 0) - bridge.opening_mrr else 0 end
            as opening_revaluation_mrr
    from int_nrr_bridge_accounts as bridge
    inner join dim_account_months
        on
            bridge.account_id = dim_account_months.account_id
            and bridge.segment_month = dim_account_months.month
    left join fct_retention_account_months as retention
        on
            bridge.account_id = retention.account_id
            and bridge.month = retention.month
            and retention.window_months = 12
),

final as (
    select
        month,
        {{ segment_type() }} as segment_type,
        {{ segment_value() }} as segment_value,
        {% for line in lines %}
        cast(sum({{ line }}) as decimal(38, 4)) as {{ line }}{{ ',' if not loop.last }}
        {% endfor %}
    from bridged
    group by {{ segment_sets('month') }}  -- noqa: PRS
)

select * from final
