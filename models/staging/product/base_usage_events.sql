-- Events are many: only those that are not accepted stand here, and every row of an id that stands more than once.
with raw_rows as (
    select * from {{ source('raw', 'usage_events') }}
),

stg_run_settings as (
    select * from {{ ref('stg_run_settings') }}
),

stg_accounts as (
    select * from {{ ref('stg_accounts') }}
),

-- Read from the source once more: a shared import would be kept in memory, all of it.
repeated_ids as (
    select event_id
    from {{ source('raw', 'usage_events') }}
    group by event_id
    having count(*) > 1
),

judged_alone as (
    select
        raw_rows.*,
        case
            {{ value_rules('usage_events', 'raw_rows') }}
        end as value_rule,
        case
            {{ amount_rules('usage_events', 'raw_rows') }}
            when stg_accounts.account_id is null then 'unknown_account'
        end as later_rule,
        repeated_ids.event_id is not null as is_repeated
    from raw_rows
    cross join stg_run_settings as settings
    left join stg_accounts on raw_rows.account_id = stg_accounts.account_id
    left join repeated_ids on raw_rows.event_id = repeated_ids.event_id
),

standing as (
    select
        judged_alone.*,
        {{ copy_number('usage_events') }} as copy_number,
        {{ key_standing('usage_events', ['event_id']) }} as key_standing
    from judged_alone
    where
        judged_alone.is_repeated
        or judged_alone._is_deleted
        or judged_alone.value_rule is not null
        or judged_alone.later_rule is not null
),

final as (
    select
        standing.*,
        case
            when standing.key_standing in ('duplicate', 'deleted') then standing.key_standing
            when standing.value_rule is not null then standing.value_rule
            when standing.key_standing = 'conflicting_key' then standing.key_standing
            else standing.later_rule
        end as rejection_rule
    from standing
)

select * from final
