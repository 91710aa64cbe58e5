{% set sums = [
    'opening_mrr', 'closing_mrr', 'unlapsed_closing_mrr', 'retained_mrr', 'unlapsed_retained_mrr', 'price_uplift_mrr',
] %}

with fct_retention_account_months as (
    select * from {{ ref('fct_retention_account_months') }}
),

-- Segments are those of the window's start: of its first month's opening.
account_windows as (
    select
        fct_retention_account_months.month,
        fct_retention_account_months.window_months,
        dim_account_months.plan_tier,
        dim_account_months.size_band,
        dim_account_months.industry,
        dim_account_months.country,
        fct_retention_account_months.opening_mrr,
        fct_retention_account_months.closing_mrr,
        case when fct_retention_account_months.has_lapsed then 0 else fct_retention_account_months.closing_mrr end
            as unlapsed_closing_mrr,
        fct_retention_account_months.retained_mrr,
        case when fct_retention_account_months.has_lapsed then 0 else fct_retention_account_months.retained_mrr end
            as unlapsed_retained_mrr,
        fct_retention_account_months.price_uplift_mrr,
        1 as opening_customers,
        case when fct_retention_account_months.is_retained then 0 else 1 end as lost_customers
    from fct_retention_account_months
    inner join {{ ref('dim_account_months') }} as dim_account_months
        on
            fct_retention_account_months.account_id = dim_account_months.account_id
            and dim_account_months.month = {{ add_months(
                'fct_retention_account_months.month', '1 - fct_retention_account_months.window_months',
            ) }}

    union all

    -- An empty row a month and window, so that the total exists where nobody is.
    select
        dim_months.month,
        windows.window_months,
        'unknown' as plan_tier,
        'unknown' as size_band,
        'unknown' as industry,
        'unknown' as country,
        {% for amount in sums %}
        0 as {{ amount }},
        {% endfor %}
        0 as opening_customers,
        0 as lost_customers
    from {{ ref('dim_months') }} as dim_months
    cross join (values (1), (12)) as windows (window_months)
),

final as (
    select
        month,
        cast(window_months as bigint) as window_months,
        {{ segment_type() }} as segment_type,
        {{ segment_value() }} as segment_value,
        {% for amount in sums %}
        cast(sum({{ amount }}) as decimal(38, 4)) as {{ amount }},
        {% endfor %}
        cast(sum(opening_customers) as bigint) as opening_customers,
        cast(sum(lost_customers) as bigint) as lost_customers
    from account_windows
    group by {{ segment_sets('month, window_months') }}  -- noqa: PRS
)

select * from final
