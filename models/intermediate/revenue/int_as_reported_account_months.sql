with customers as (
    select distinct
        account_id,
        first_paid_month
    from {{ ref('int_account_closings') }}
),

first_rates as (
    select min({{ month_index('rates.rate_date') }}) as month_index
    from {{ ref('stg_exchange_rates') }} as rates
    inner join {{ ref('stg_run_settings') }} as settings
        on rates.quote_currency = settings.currency and rates.rate_date <= settings.as_of_date
    where rates.rate_type = 'month_end'
),

-- Months from the first with any month-end rate into the reporting currency; all where nobody holds another currency.
reported_months as (
    select
        dim_months.month,
        dim_months.month_index,
        min(dim_months.month) over () as first_month
    from {{ ref('dim_months') }} as dim_months
    cross join first_rates
    where
        dim_months.month_index >= first_rates.month_index
        or true not in (select has_foreign_items from {{ ref('int_account_closings') }})
),

-- Nothing is reported before the first month: its opening stands at its own rates, without fx.
balances as (
    select
        customers.account_id,
        months.month,
        customers.first_paid_month < months.first_month as has_paid_before,
        coalesce(closings.month_end_mrr, 0) as closing_mrr,
        coalesce(starts.next_month_end_mrr, 0) as revalued_mrr,
        coalesce(
            case when months.month > months.first_month then starts.month_end_mrr else starts.next_month_end_mrr end,
            0
        ) as opening_mrr
    from customers
    cross join reported_months as months
    left join {{ ref('int_account_closings') }} as closings
        on customers.account_id = closings.account_id and months.month_index = closings.month_index
    left join {{ ref('int_account_closings') }} as starts
        on customers.account_id = starts.account_id and months.month_index = starts.month_index + 1
),

moved as (
    select
        balances.*,
        closing_mrr - revalued_mrr as change_mrr,
        max(case when closing_mrr > 0 or revalued_mrr > 0 then 1 else 0 end) over account_history as has_begun,
        case
            when revalued_mrr = closing_mrr then 'none'
            when revalued_mrr = 0 and not coalesce(has_paid_before, false)
                and min(case when closing_mrr > 0 or opening_mrr > 0 then month end) over account_history = month
                then 'new'
            when revalued_mrr = 0 then 'reactivation'
            when closing_mrr = 0 then 'churn'
            when closing_mrr > revalued_mrr then 'expansion'
            else 'contraction'
        end as movement_type
    from balances
    window account_history as (partition by account_id order by month)
),

final as (
    select
        account_id,
        month,
        cast(opening_mrr as decimal(18, 4)) as opening_mrr,
        {% for word, column, sign in [
            ('new', 'new_mrr', ''), ('reactivation', 'reactivation_mrr', ''), ('expansion', 'expansion_mrr', ''),
            ('contraction', 'contraction_mrr', '-'), ('churn', 'churned_mrr', '-'),
        ] %}
        cast(case when movement_type = '{{ word }}' then {{ sign }}change_mrr else 0 end as decimal(18, 4))
            as {{ column }},
        {% endfor %}
        cast(revalued_mrr - opening_mrr as decimal(18, 4)) as fx_mrr,
        cast(closing_mrr as decimal(18, 4)) as closing_mrr
    from moved
    where has_begun = 1
)

select * from final
