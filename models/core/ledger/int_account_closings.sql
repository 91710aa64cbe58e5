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
        cast(sum(month_end_mrr) as decimal(18, 4)) as month_end_mrr,
        cast(sum(next_month_end_mrr) as decimal(18, 4)) as next_month_end_mrr,
        max(case when is_reporting_currency then 0 else 1 end) = 1 as has_foreign_items,
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
        month_end_mrr,
        next_month_end_mrr,
        has_foreign_items,
        unpaused_mrr,
        has_paused_items,
        min(case when closing_mrr > 0 then month end) over (partition by account_id) as first_paid_month,
        month
    from item_sums
)

select * from final
