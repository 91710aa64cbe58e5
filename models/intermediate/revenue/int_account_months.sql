with int_account_balances as (
    select * from {{ ref('int_account_balances') }}
),

int_churn_reasons as (
    select * from {{ ref('int_churn_reasons') }}
),

-- The one place that decides the word. Negative amounts cannot occur: acceptance rejects them.
moved as (
    select
        int_account_balances.*,
        closing_mrr - revalued_mrr as change_mrr,
        case
            when revalued_mrr = closing_mrr then 'none'
            when revalued_mrr = 0 and month = first_paid_month then 'new'
            when revalued_mrr = 0 then 'reactivation'
            when closing_mrr = 0 then 'churn'
            when closing_mrr > revalued_mrr then 'expansion'
            else 'contraction'
        end as movement_type
    from int_account_balances
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
