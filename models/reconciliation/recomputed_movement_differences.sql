with fct_mrr_movements as (
    select
        account_id,
        month,
        movement_type,
        coalesce(reason, 'none') as reason,
        amount_mrr
    from {{ ref('fct_mrr_movements') }}
    -- Of a sample, only its customers are held against each other.
    where
        account_id in (select customers.account_id from {{ source('recomputed', 'customers') }} as customers)
        or not exists (
            select 1 from {{ source('recomputed', 'coverage') }} as coverage
            where coverage.is_sample
        )
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
