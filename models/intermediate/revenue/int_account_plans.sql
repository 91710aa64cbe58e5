with int_item_months as (
    select * from {{ ref('int_item_months') }}
),

ranked_items as (
    select
        account_id,
        tier_rank,
        month,
        month_index,
        row_number() over (
            partition by account_id, month
            order by mrr desc, tier_rank desc, product_id asc, subscription_item_id asc
        ) as size_rank
    from int_item_months
    where mrr > 0
),

final as (
    select
        account_id,
        cast(tier_rank as {{ dbt.type_string() }}) as plan_tier,
        month_index,
        month
    from ranked_items
    where size_rank = 1
)

select * from final
