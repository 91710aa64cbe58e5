with stg_products as (
    select * from {{ ref('stg_products') }}
),

final as (
    select
        product_id,
        product_name,
        product_family,
        cast(tier_rank as bigint) as tier_rank,
        is_recurring,
        is_metered
    from stg_products
)

select * from final
