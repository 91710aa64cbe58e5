{{ config(materialized='view') }}

with raw_rows as (
    select * from {{ source('raw', 'usage_events') }}
),

stg_run_settings as (
    select * from {{ ref('stg_run_settings') }}
),

-- Read by reference, not through an import step: a step used twice would copy every event.
judged_ids as (
    select distinct base_usage_events.event_id
    from {{ ref('base_usage_events') }} as base_usage_events
),

-- Of an id that stands more than once, the one row that stays comes from the base model.
accepted as (
    select
        raw_rows.event_id,
        raw_rows.account_id,
        raw_rows.user_id,
        raw_rows.feature_key,
        raw_rows.quantity,
        raw_rows.occurred_at
    from raw_rows
    left join judged_ids on raw_rows.event_id = judged_ids.event_id
    where judged_ids.event_id is null and raw_rows.event_id is not null

    union all

    select
        event_id,
        account_id,
        user_id,
        feature_key,
        quantity,
        occurred_at
    from {{ ref('base_usage_events') }}
    where rejection_rule is null
),

final as (
    select
        accepted.*,
        {{ local_date('accepted.occurred_at', 'settings.time_zone') }} as occurred_on
    from accepted
    cross join stg_run_settings as settings
)

select * from final
