{{ config(materialized='view') }}

with base_account_parents as (
    select * from {{ ref('base_account_parents') }}
),

stg_run_settings as (
    select * from {{ ref('stg_run_settings') }}
),

final as (
    select
        base_account_parents.account_id,
        base_account_parents.parent_account_id,
        base_account_parents.valid_from,
        base_account_parents.valid_to,
        {{ local_date('base_account_parents.valid_from', 'settings.time_zone') }} as valid_from_on,
        {{ local_date('base_account_parents.valid_to', 'settings.time_zone') }} as valid_to_on
    from base_account_parents
    cross join stg_run_settings as settings
    where base_account_parents.rejection_rule is null
)

select * from final
