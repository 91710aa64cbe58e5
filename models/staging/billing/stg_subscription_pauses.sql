{{ config(materialized='view') }}

with base_subscription_pauses as (
    select * from {{ ref('base_subscription_pauses') }}
),

final as (
    select
        base_subscription_pauses.subscription_id,
        base_subscription_pauses.paused_from,
        base_subscription_pauses.paused_to
    from base_subscription_pauses
    where base_subscription_pauses.rejection_rule is null
)

select * from final
