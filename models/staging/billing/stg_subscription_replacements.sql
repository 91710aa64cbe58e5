{{ config(materialized='view') }}

with base_subscription_replacements as (
    select * from {{ ref('base_subscription_replacements') }}
),

-- What replaces an unknown subscription stays, as what replaces none.
final as (
    select
        base_subscription_replacements.subscription_id,
        stg_subscriptions.subscription_id as replaces_subscription_id,
        base_subscription_replacements.replaces_subscription_id as named_subscription_id
    from base_subscription_replacements
    left join {{ ref('stg_subscriptions') }} as stg_subscriptions
        on base_subscription_replacements.replaces_subscription_id = stg_subscriptions.subscription_id
    where base_subscription_replacements.rejection_rule is null
)

select * from final
