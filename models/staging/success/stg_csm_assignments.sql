{{ config(materialized='view') }}

with base_csm_assignments as (
    select * from {{ ref('base_csm_assignments') }}
),

stg_run_settings as (
    select * from {{ ref('stg_run_settings') }}
),

final as (
    select
        base_csm_assignments.account_id,
        base_csm_assignments.csm_id,
        base_csm_assignments.valid_from,
        base_csm_assignments.valid_to,
        {{ local_date('base_csm_assignments.valid_from', 'settings.time_zone') }} as valid_from_on,
        {{ local_date('base_csm_assignments.valid_to', 'settings.time_zone') }} as valid_to_on
    from base_csm_assignments
    cross join stg_run_settings as settings
    where base_csm_assignments.rejection_rule is null
)

select * from final
