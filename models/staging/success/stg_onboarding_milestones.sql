{{ config(materialized='view') }}

with base_onboarding_milestones as (
    select * from {{ ref('base_onboarding_milestones') }}
),

stg_run_settings as (
    select * from {{ ref('stg_run_settings') }}
),

final as (
    select
        base_onboarding_milestones.milestone_id,
        base_onboarding_milestones.account_id,
        base_onboarding_milestones.milestone_key,
        base_onboarding_milestones.is_required,
        base_onboarding_milestones.is_first_value,
        base_onboarding_milestones.due_at,
        base_onboarding_milestones.completed_at,
        {{ local_date('base_onboarding_milestones.completed_at', 'settings.time_zone') }} as completed_on
    from base_onboarding_milestones
    cross join stg_run_settings as settings
    where base_onboarding_milestones.rejection_rule is null
)

select * from final
