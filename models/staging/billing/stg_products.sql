{{ config(materialized='view') }}

with base_products as (
    select * from {{ ref('base_products') }}
),

final as (
    select
        base_products.product_id,
        base_products.product_name,
        base_products.product_family,
        base_products.tier_rank,
        base_products.is_recurring,
        base_products.is_metered
    from base_products
    where base_products.rejection_rule is null
)

select * from final
