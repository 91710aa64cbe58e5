with int_account_months as (
    select * from {{ ref('int_account_months') }}
),

dim_accounts as (
    select * from {{ ref('dim_accounts') }}
),

dim_months as (
    select * from {{ ref('dim_months') }}
),

int_item_months as (
    select * from {{ ref('int_item_months') }}
),

int_plan_rates as (
    select * from {{ ref('int_plan_rates') }}
),

settings as (
    select * from {{ ref('stg_run_settings') }}
),

-- The first month's items at the plan rates of a later month, where those are others.
revalued_items as (
    select
        int_item_months.account_id,
        int_plan_rates.month,
        int_item_months.mrr,
        {{ to_money(
            '(' ~ whole('int_item_months.list_numerator') ~ ' - ' ~ whole('int_item_months.discount_numerator') ~ ') * '
            ~ scaled('int_plan_rates.plan_rate', 8),
            'int_item_months.monthly_denominator', 16, 'settings.minor_units',
        ) }} as revalued_mrr
    from int_item_months
    inner join dim_accounts
        on
            int_item_months.account_id = dim_accounts.account_id
            and int_item_months.month = dim_accounts.first_paid_month
    inner join int_plan_rates
        on
            int_item_months.currency = int_plan_rates.currency
            and int_item_months.month < int_plan_rates.month
            and int_item_months.plan_rate <> int_plan_rates.plan_rate
    cross join settings
    where not int_item_months.is_paused
),

revaluations as (
    select
        account_id,
        month,
        sum(revalued_mrr) - sum(mrr) as revaluation_mrr
    from revalued_items
    group by account_id, month
),

final as (
    select
        balances.account_id,
        starts.month as cohort_month,
        ends.month_index - start_months.month_index as months_since_start,
        starts.closing_mrr + coalesce(revaluations.revaluation_mrr, 0) as cohort_mrr,
        balances.closing_mrr
    from int_account_months as balances
    inner join dim_accounts on balances.account_id = dim_accounts.account_id
    inner join int_account_months as starts
        on
            balances.account_id = starts.account_id
            and dim_accounts.first_paid_month = starts.month
    inner join dim_months as ends on balances.month = ends.month
    inner join dim_months as start_months on starts.month = start_months.month
    left join revaluations
        on
            balances.account_id = revaluations.account_id
            and balances.month = revaluations.month
)

select * from final
