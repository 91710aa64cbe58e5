with int_item_months as (
    select * from {{ ref('int_item_months') }}
),

int_plan_rates as (
    select * from {{ ref('int_plan_rates') }}
),

settings as (
    select * from {{ ref('stg_run_settings') }}
),

window_lengths as (
    select cast(lengths.window_months as integer) as window_months
    from (values (1), (12)) as lengths (window_months)
),

-- An opening month's item at the rate of the window's last month, where that rate is another one.
revalued_items as (
    select
        int_item_months.account_id,
        int_item_months.unpaused_mrr,
        int_item_months.is_paused,
        window_lengths.window_months,
        int_plan_rates.month,
        {{ money_at_rate(
            whole('int_item_months.list_numerator') ~ ' - ' ~ whole('int_item_months.discount_numerator'),
            scaled('int_plan_rates.plan_rate', 8), 'int_item_months.monthly_denominator', 'settings.minor_units',
        ) }} as revalued_mrr
    from int_item_months
    cross join window_lengths
    cross join settings
    inner join int_plan_rates
        on
            int_item_months.currency = int_plan_rates.currency
            and int_item_months.month_index + window_lengths.window_months = int_plan_rates.month_index
            and int_item_months.plan_rate <> int_plan_rates.plan_rate
    where not int_item_months.is_reporting_currency
),

final as (
    select
        account_id,
        window_months,
        cast(sum(case when is_paused then 0 else revalued_mrr - unpaused_mrr end) as decimal(18, 4)) as revaluation_mrr,
        cast(sum(revalued_mrr - unpaused_mrr) as decimal(18, 4)) as unpaused_revaluation_mrr,
        month
    from revalued_items
    group by account_id, window_months, month
)

select * from final
