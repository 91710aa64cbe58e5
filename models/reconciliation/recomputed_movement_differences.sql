with fct_mrr_movements as (
    select
        account_id,
        month,
        movement_type,
        coalesce(reason, 'none') as reason,
        amount_mrr
    from {{ ref('fct_mrr_movements') }}
),

recomputed as (
    select
        account_id,
        month,
        movement_type,
        coalesce(reason, 'none') as reason,
        amount_mrr
    from {{ source('recomputed', 'mrr_movements') }}
),

final as (
    select
        coalesce(fct_mrr_movements.account_id, recomputed.account_id) as account_id,
        coalesce(fct_mrr_movements.month, recomputed.month) as month,
        coalesce(fct_mrr_movements.movement_type, recomputed.movement_type) as movement_type,
        coalesce(fct_mrr_movements.reason, recomputed.reason) as reason,
        fct_mrr_movements.amount_mrr,
        recomputed.amount_mrr as recomputed_amount_mrr,
        (fct_mrr_movements.amount_mrr is distinct from recomputed.amount_mrr) as is_different
    from fct_mrr_movements
    full outer join recomputed
        on
            fct_mrr_movements.account_id = recomputed.account_id
            and fct_mrr_movements.month = recomputed.month
            and fct_mrr_movements.movement_type = recomputed.movement_type
            and fct_mrr_movements.reason = recomputed.reason
)

select * from final
