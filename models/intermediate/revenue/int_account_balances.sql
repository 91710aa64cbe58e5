with int_account_closings as (
    select * from {{ ref('int_account_closings') }}
),

dim_months as (
    select * from {{ ref('dim_months') }}
),

int_mrr_revaluations as (
    select * from {{ ref('int_mrr_revaluations') }}
),

customers as (
    select distinct
        account_id,
        first_paid_month
    from int_account_closings
    where first_paid_month is not null
),

balances as (
    select
        customers.account_id,
        customers.first_paid_month,
        dim_months.month,
        coalesce(int_account_closings.closing_mrr, 0) as closing_mrr,
        coalesce(int_account_closings.closing_list_mrr, 0) as closing_list_mrr,
        coalesce(int_account_closings.has_paused_items, false) as has_paused_items,
        coalesce(lag(int_account_closings.closing_mrr) over account_history, 0) as opening_mrr
    from customers
    inner join dim_months on customers.first_paid_month <= dim_months.month
    left join int_account_closings
        on
            customers.account_id = int_account_closings.account_id
            and dim_months.month = int_account_closings.month
    window account_history as (partition by customers.account_id order by dim_months.month)
),

final as (
    select
        balances.*,
        coalesce(int_mrr_revaluations.revaluation_mrr, 0) as fx_mrr,
        balances.opening_mrr + coalesce(int_mrr_revaluations.revaluation_mrr, 0) as revalued_mrr
    from balances
    left join int_mrr_revaluations
        on
            balances.account_id = int_mrr_revaluations.account_id
            and balances.month = int_mrr_revaluations.month
            and int_mrr_revaluations.window_months = 1
)

select * from final
