with fct_account_months as (
    select * from {{ ref('fct_account_months') }}
),

dim_months as (
    select * from {{ ref('dim_months') }}
),

balances as (
    select
        fct_account_months.account_id,
        fct_account_months.month,
        dim_months.month_index,
        fct_account_months.opening_mrr,
        fct_account_months.closing_mrr,
        sum(case when fct_account_months.closing_mrr = 0 then 1 else 0 end) over (
            partition by fct_account_months.account_id
            order by dim_months.month_index
            rows between 11 preceding and 1 preceding
        ) as lapsed_months
    from fct_account_months
    inner join dim_months on fct_account_months.month = dim_months.month
),

-- Opening at the end of the month before the window, valued at the rate of the window's last month.
windows as (
    {% for window_months in [1, 12] %}
    select
        closings.account_id,
        closings.month,
        {{ window_months }} as window_months,
        openings.opening_mrr,
        closings.closing_mrr,
        {{ 'closings.lapsed_months > 0' if window_months > 1 else 'false' }} as has_lapsed
    from balances as closings
    inner join balances as openings
        on
            closings.account_id = openings.account_id
            and closings.month_index = openings.month_index + {{ window_months - 1 }}
    where openings.opening_mrr > 0
    {% if not loop.last %}
    union all
    {% endif %}
    {% endfor %}
),

revalued as (
    select
        windows.account_id,
        windows.month,
        windows.window_months,
        windows.opening_mrr + coalesce(int_mrr_revaluations.revaluation_mrr, 0) as opening_mrr,
        windows.closing_mrr,
        case when windows.window_months = 12 then coalesce(int_price_uplifts.price_uplift_mrr, 0) else 0 end
            as price_uplift_mrr,
        windows.has_lapsed
    from windows
    left join {{ ref('int_mrr_revaluations') }} as int_mrr_revaluations
        on
            windows.account_id = int_mrr_revaluations.account_id
            and windows.month = int_mrr_revaluations.month
            and windows.window_months = int_mrr_revaluations.window_months
    left join {{ ref('int_price_uplifts') }} as int_price_uplifts
        on
            windows.account_id = int_price_uplifts.account_id
            and windows.month = int_price_uplifts.month
),

final as (
    select
        account_id,
        month,
        cast(window_months as bigint) as window_months,
        cast(opening_mrr as decimal(18, 4)) as opening_mrr,
        cast(closing_mrr as decimal(18, 4)) as closing_mrr,
        cast(least(opening_mrr, closing_mrr) as decimal(18, 4)) as retained_mrr,
        cast(price_uplift_mrr as decimal(18, 4)) as price_uplift_mrr,
        closing_mrr > 0 as is_retained,
        has_lapsed
    from revalued
    where opening_mrr > 0
)

select * from final
