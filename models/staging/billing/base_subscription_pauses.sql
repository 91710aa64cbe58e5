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
        row_number() over (
            partition by subscription_id, paused_from
            order by
                coalesce(_updated_at, cast('0001-01-01' as timestamp)) desc,
                coalesce(_loaded_at, cast('0001-01-01' as timestamp)) desc,
                case when _unparsed is null then 0 else 1 end asc,
                case when _is_deleted then 1 else 0 end asc,
                coalesce(paused_to, cast('9999-12-31' as timestamp)) desc,
                _row asc
        ) as place_in_key
    from raw_rows
),

-- A pause that comes twice is never none: the later recorded one holds, else the longer one.
settled as (
    select
        standing.*,
        case
            when subscription_id is null or paused_from is null then
                case when copy_number > 1 then 'duplicate' when _is_deleted then 'deleted' end
            when place_in_key > 1 then 'duplicate'
            when _is_deleted then 'deleted'
        end as key_standing
    from standing
),

final as (
    select
        standing.*,
        case
            when standing.key_standing in ('duplicate', 'deleted') then standing.key_standing
            {{ value_rules('subscription_pauses') }}
            when standing.paused_to < standing.paused_from then 'end_before_start'
            when stg_subscriptions.subscription_id is null then 'unknown_subscription'
        end as rejection_rule
    from settled as standing
    cross join stg_run_settings as settings
    left join stg_subscriptions on standing.subscription_id = stg_subscriptions.subscription_id
)

select * from final
