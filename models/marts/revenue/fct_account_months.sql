with int_account_months as (
    select * from {{ ref('int_account_months') }}
),

final as (
    select
        account_id,
        month,
        movement_type,
        churn_reason,
        cancel_reason,
        opening_mrr,
        new_mrr,
        reactivation_mrr,
        expansion_mrr,
        contraction_mrr,
        churned_mrr,
        fx_mrr,
        closing_mrr,
        closing_list_mrr,
        has_paused_items
    from int_account_months
)

select * from final
