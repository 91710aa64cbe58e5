with int_item_months as (
    select * from {{ ref('int_item_months') }}
),

item_sums as (
    select
        account_id,
        month_index,
        month,
        cast(sum(mrr) as decimal(18, 4)) as closing_mrr,
        cast(sum(list_mrr) as decimal(18, 4)) as closing_list_mrr,
        cast(sum(unpaused_mrr) as decimal(18, 4)) as unpaused_mrr,
        max(case when is_paused then 1 else 0 end) = 1 as has_paused_items
    from int_item_months
    group by account_id, month_index, month
),

final as (
    select
        account_id,
        month_index,
        closing_mrr,
        closing_list_mrr,
        unpaused_mrr,
        has_paused_items,
        min(case when closing_mrr > 0 then month end) over (partition by account_id) as first_paid_month,
        month
    from item_sums
)

select * from final
