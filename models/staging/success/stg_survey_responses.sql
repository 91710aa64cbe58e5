{{ config(materialized='view') }}

with base_survey_responses as (
    select * from {{ ref('base_survey_responses') }}
),

stg_run_settings as (
    select * from {{ ref('stg_run_settings') }}
),

final as (
    select
        base_survey_responses.response_id,
        base_survey_responses.survey_type,
        base_survey_responses.account_id,
        base_survey_responses.respondent_id,
        base_survey_responses.touchpoint,
        base_survey_responses.score,
        base_survey_responses.responded_at,
        {{ local_date('base_survey_responses.responded_at', 'settings.time_zone') }} as responded_on
    from base_survey_responses
    cross join stg_run_settings as settings
    where base_survey_responses.rejection_rule is null
)

select * from final
