{% set sums = [
    'opening_mrr', 'closing_mrr', 'unlapsed_closing_mrr', 'retained_mrr', 'unlapsed_retained_mrr', 'price_uplift_mrr',
    'upsell_mrr', 'cross_sell_mrr',
] %}
{% set counts = [
    'opening_customers', 'lost_customers', 'upsell_customers', 'cross_sell_customers', 'upsell_cross_sell_customers',
] %}

with fct_retention_account_months as (
    select * from {{ ref('fct_retention_account_months') }}
),

fct_mrr_movements as (
    select * from {{ ref('fct_mrr_movements') }}
),

-- What a customer who stayed took more of in a month; where it took less on the whole, nothing.
sales as (
    select
        account_id,
        month,
        1 as window_months,
        greatest(sum(case when reason in ('seat', 'tier') then amount_mrr else 0 end), 0) as upsell_mrr,
        greatest(sum(case when reason = 'cross_sell' then amount_mrr else 0 end), 0) as cross_sell_mrr
    from fct_mrr_movements
    group by account_id, month
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
        coalesce(sales.upsell_mrr, 0) as upsell_mrr,
        coalesce(sales.cross_sell_mrr, 0) as cross_sell_mrr,
        1 as opening_customers,
        case when fct_retention_account_months.is_retained then 0 else 1 end as lost_customers,
        case when sales.upsell_mrr > 0 then 1 else 0 end as upsell_customers,
        case when sales.cross_sell_mrr > 0 then 1 else 0 end as cross_sell_customers,
        case when sales.upsell_mrr > 0 or sales.cross_sell_mrr > 0 then 1 else 0 end as upsell_cross_sell_customers
    from fct_retention_account_months
    left join sales
        on
            fct_retention_account_months.account_id = sales.account_id
            and fct_retention_account_months.month = sales.month
            and fct_retention_account_months.window_months = sales.window_months
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
        {% for measure in sums + counts %}
        0 as {{ measure }}{{ ',' if not loop.last }}
        {% endfor %}
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
        {% for count in counts %}
        cast(sum({{ count }}) as bigint) as {{ count }}{{ ',' if not loop.last }}
        {% endfor %}
    from account_windows
    group by {{ segment_sets('month, window_months') }}  -- noqa: PRS
)

select * from final
