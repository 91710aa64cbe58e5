with stg_survey_responses as (
    select * from {{ ref('stg_survey_responses') }}
),

int_account_roots as (
    select * from {{ ref('int_account_roots') }}
),

settings as (
    select * from {{ ref('stg_run_settings') }}
),

-- The one place that decides the word for an answer.
final as (
    select
        answers.response_id,
        int_account_roots.root_account_id as account_id,
        answers.account_id as answering_account_id,
        answers.respondent_id,
        -- An answer without a respondent stands for itself.
        case when answers.respondent_id is null then answers.response_id end as anonymous_response_id,
        answers.survey_type,
        answers.touchpoint,
        case
            when answers.survey_type = 'nps' and answers.score >= 9 then 'promoter'
            when answers.survey_type = 'nps' and answers.score >= 7 then 'passive'
            when answers.survey_type = 'nps' then 'detractor'
            when answers.survey_type = 'csat' and answers.score >= 4 then 'satisfied'
            when answers.survey_type = 'csat' then 'not_satisfied'
            when answers.score >= 5 then 'easy'
            else 'not_easy'
        end as answer_class,
        cast(answers.score as bigint) as score,
        answers.responded_at,
        answers.responded_on
    from stg_survey_responses as answers
    inner join int_account_roots
        on
            answers.account_id = int_account_roots.account_id
            and not int_account_roots.is_excluded
    inner join settings on answers.responded_on <= settings.as_of_date
    where {{ none_is_withheld(['survey_responses']) }}
)

select * from final
