{{ config(materialized='view') }}

with base_subscription_item_versions as (
    select * from {{ ref('base_subscription_item_versions') }}
),

final as (
    select
        item_version_id,
        subscription_item_id,
        subscription_id,
        product_id,
        billing_interval,
        discount_kind,
        currency,
        interval_count,
        quantity,
        unit_amount,
        discount_amount,
        {{ is_plain_day('valid_from', 'base_subscription_item_versions') }} as is_from_plain_day,
        {{ is_plain_day('valid_to', 'base_subscription_item_versions') }} as is_to_plain_day,
        valid_from,
        valid_to,
        recorded_at
    from base_subscription_item_versions
    where rejection_rule is null and is_known
)

select * from final
