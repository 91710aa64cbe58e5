{{ config(materialized='view') }}

with base_engagement_activities as (
    select * from {{ ref('base_engagement_activities') }}
),

stg_run_settings as (
    select * from {{ ref('stg_run_settings') }}
),

final as (
    select
        base_engagement_activities.activity_id,
        base_engagement_activities.account_id,
        base_engagement_activities.csm_id,
        base_engagement_activities.activity_type,
        base_engagement_activities.attended,
        base_engagement_activities.occurred_at,
        {{ local_date('base_engagement_activities.occurred_at', 'settings.time_zone') }} as occurred_on
    from base_engagement_activities
    cross join stg_run_settings as settings
    where base_engagement_activities.rejection_rule is null
)

select * from final
