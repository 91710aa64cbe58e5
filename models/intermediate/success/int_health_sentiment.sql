with int_health_customers as (
    select * from {{ ref('int_health_customers') }}
),

int_survey_answers as (
    select * from {{ ref('int_survey_answers') }}
),

settings as (
    select * from {{ ref('stg_run_settings') }}
),

answers_in_windows as (
    select
        int_survey_answers.account_id,
        int_survey_answers.survey_type,
        case
            when int_survey_answers.survey_type = 'nps' then int_survey_answers.score * 10
            else (int_survey_answers.score - 1) * 25
        end as points,
        customers.month,
        row_number() over (
            partition by
                customers.month,
                int_survey_answers.survey_type,
                int_survey_answers.answering_account_id,
                int_survey_answers.respondent_id,
                int_survey_answers.anonymous_response_id
            order by int_survey_answers.responded_at desc, int_survey_answers.response_id desc
        ) as recency
    from int_health_customers as customers
    cross join settings
    inner join int_survey_answers
        on
            customers.account_id = int_survey_answers.account_id
            and int_survey_answers.responded_on
            between {{ add_days('customers.scored_on', '1 - settings.sentiment_window_days') }} and customers.scored_on
    where int_survey_answers.survey_type in ('nps', 'csat')
),

final as (
    select
        account_id,
        cast(sum(points) as bigint) as point_sum,
        cast(count(*) as bigint) as answer_count,
        month
    from answers_in_windows
    where survey_type = 'csat' or recency = 1
    group by account_id, month
)

select * from final
