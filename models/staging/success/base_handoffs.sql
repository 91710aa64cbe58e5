with raw_rows as (
    select * from {{ source('raw', 'handoffs') }}
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
        {{ copy_number('handoffs') }} as copy_number,
        {{ key_standing('handoffs', ['handoff_id']) }} as key_standing
    from raw_rows
),

final as (
    select
        standing.*,
        case
            when standing.key_standing in ('duplicate', 'deleted') then standing.key_standing
            {{ value_rules('handoffs') }}
            when standing.key_standing = 'conflicting_key' then 'conflicting_key'
            when stg_accounts.account_id is null then 'unknown_account'
        end as rejection_rule
    from standing
    cross join stg_run_settings as settings
    left join stg_accounts on standing.account_id = stg_accounts.account_id
)

select * from final
