with raw_rows as (
    select * from {{ source('raw', 'subscriptions') }}
),

stg_run_settings as (
    select * from {{ ref('stg_run_settings') }}
),

stg_accounts as (
    select * from {{ ref('stg_accounts') }}
),

standing as (
    select
        raw_rows.*,
        {{ copy_number('subscriptions') }} as copy_number,
        {{ key_standing('subscriptions', ['subscription_id']) }} as key_standing
    from raw_rows
),

final as (
    select
        standing.*,
        case
            when standing.key_standing in ('duplicate', 'deleted') then standing.key_standing
            {{ value_rules('subscriptions') }}
            when standing.key_standing = 'conflicting_key' then 'conflicting_key'
            -- An order withdrawn before its first day is none.
            when standing.ended_at < standing.started_at and standing.status <> 'canceled' then 'end_before_start'
            when standing.status = 'canceled' and standing.ended_at is null then 'canceled_without_end'
            when stg_accounts.account_id is null then 'unknown_account'
        end as rejection_rule
    from standing
    cross join stg_run_settings as settings
    left join stg_accounts on standing.account_id = stg_accounts.account_id
)

select * from final
