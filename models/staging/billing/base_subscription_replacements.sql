with raw_rows as (
    select * from {{ source('raw', 'subscription_replacements') }}
),

stg_subscriptions as (
    select * from {{ ref('stg_subscriptions') }}
),

standing as (
    select
        raw_rows.*,
        {{ copy_number('subscription_replacements') }} as copy_number,
        {{ key_standing('subscription_replacements', ['subscription_id', 'replaces_subscription_id']) }} as key_standing
    from raw_rows
),

final as (
    select
        standing.*,
        case
            when standing.key_standing in ('duplicate', 'deleted') then standing.key_standing
            {{ value_rules('subscription_replacements') }}
            when standing.key_standing = 'conflicting_key' then 'conflicting_key'
            when stg_subscriptions.subscription_id is null then 'unknown_subscription'
        end as rejection_rule
    from standing
    left join stg_subscriptions on standing.subscription_id = stg_subscriptions.subscription_id
)

select * from final
