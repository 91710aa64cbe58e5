{% set amounts = [
    'opening_mrr', 'new_mrr', 'reactivation_mrr', 'expansion_mrr', 'contraction_mrr', 'churned_mrr', 'fx_mrr', 'closing_mrr',
] %}

with account_months as (
    select
        fct_account_months.month,
        dim_account_months.plan_tier,
        dim_account_months.size_band,
        dim_account_months.industry,
        dim_account_months.country,
        {{ amounts | join(', ') }},
        case when fct_account_months.closing_mrr > 0 then 1 else 0 end as paying_customers,
        case when fct_account_months.movement_type = 'new' then 1 else 0 end as new_customers
    from {{ ref('fct_account_months') }} as fct_account_months
    inner join {{ ref('dim_account_months') }} as dim_account_months
        on
            fct_account_months.account_id = dim_account_months.account_id
            and fct_account_months.month = dim_account_months.month

    union all

    -- An empty row a month, so that the total exists where nobody is.
    select
        month,
        'unknown' as plan_tier,
        'unknown' as size_band,
        'unknown' as industry,
        'unknown' as country,
        {% for amount in amounts %}
        0 as {{ amount }},
        {% endfor %}
        0 as paying_customers,
        0 as new_customers
    from {{ ref('dim_months') }}
),

final as (
    select
        month,
        {{ segment_type() }} as segment_type,
        {{ segment_value() }} as segment_value,
        {% for amount in amounts %}
        cast(sum({{ amount }}) as decimal(38, 4)) as {{ amount }},
        {% endfor %}
        cast(sum(paying_customers) as bigint) as paying_customers,
        cast(sum(new_customers) as bigint) as new_customers
    from account_months
    group by {{ segment_sets('month') }}  -- noqa: PRS
)

select * from final
