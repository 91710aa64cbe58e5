with int_account_closings as (
    select * from {{ ref('int_account_closings') }}
),

dim_months as (
    select * from {{ ref('dim_months') }}
),

int_mrr_revaluations as (
    select * from {{ ref('int_mrr_revaluations') }}
),

int_churn_reasons as (
    select * from {{ ref('int_churn_reasons') }}
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

revalued as (
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
),

-- The one place that decides the word. Negative amounts cannot occur: acceptance rejects them.
moved as (
    select
        revalued.*,
        closing_mrr - revalued_mrr as change_mrr,
        case
            when revalued_mrr = closing_mrr then 'none'
            when revalued_mrr = 0 and month = first_paid_month then 'new'
            when revalued_mrr = 0 then 'reactivation'
            when closing_mrr = 0 then 'churn'
            when closing_mrr > revalued_mrr then 'expansion'
            else 'contraction'
        end as movement_type
    from revalued
),

final as (
    select
        moved.account_id,
        moved.month,
        moved.movement_type,
        case when moved.movement_type = 'churn' then coalesce(int_churn_reasons.churn_reason, 'unknown') end
            as churn_reason,
        int_churn_reasons.cancel_reason,
        cast(moved.opening_mrr as decimal(18, 4)) as opening_mrr,
        {% for movement_type, column, sign in [
            ('new', 'new_mrr', ''), ('reactivation', 'reactivation_mrr', ''), ('expansion', 'expansion_mrr', ''),
            ('contraction', 'contraction_mrr', '-'), ('churn', 'churned_mrr', '-'),
        ] %}
        cast(
            case when moved.movement_type = '{{ movement_type }}' then {{ sign }}moved.change_mrr else 0 end
            as decimal(18, 4)
        ) as {{ column }},
        {% endfor %}
        cast(moved.fx_mrr as decimal(18, 4)) as fx_mrr,
        cast(moved.closing_mrr as decimal(18, 4)) as closing_mrr,
        cast(moved.closing_list_mrr as decimal(18, 4)) as closing_list_mrr,
        moved.has_paused_items
    from moved
    left join int_churn_reasons
        on
            moved.account_id = int_churn_reasons.account_id
            and moved.month = int_churn_reasons.month
            and moved.movement_type = 'churn'
)

select * from final
