with raw_rows as (
    select * from {{ source('raw', 'subscription_pauses') }}
),

stg_run_settings as (
    select * from {{ ref('stg_run_settings') }}
),

stg_subscriptions as (
    select * from {{ ref('stg_subscriptions') }}
),

standing as (
    select
        raw_rows.*,
        {{ copy_number('subscription_pauses') }} as copy_number,
        {{ key_standing('subscription_pauses', ['subscription_id', 'paused_from']) }} as key_standing
    from raw_rows
),

final as (
    select
        standing.*,
        case
            when standing.key_standing in ('duplicate', 'deleted') then standing.key_standing
            {{ value_rules('subscription_pauses') }}
            when standing.key_standing = 'conflicting_key' then 'conflicting_key'
            when standing.paused_to < standing.paused_from then 'end_before_start'
            when stg_subscriptions.subscription_id is null then 'unknown_subscription'
        end as rejection_rule
    from standing
    cross join stg_run_settings as settings
    left join stg_subscriptions on standing.subscription_id = stg_subscriptions.subscription_id
)

select * from final
