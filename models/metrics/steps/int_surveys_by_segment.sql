with int_survey_answers as (
    select * from {{ ref('int_survey_answers') }}
),

dim_account_months as (
    select * from {{ ref('dim_account_months') }}
),

dim_months as (
    select * from {{ ref('dim_months') }}
),

settings as (
    select * from {{ ref('stg_run_settings') }}
),

answers_in_windows as (
    select
        int_survey_answers.account_id,
        int_survey_answers.survey_type,
        int_survey_answers.answer_class,
        int_survey_answers.score,
        dim_months.month,
        row_number() over (
            partition by
                dim_months.month,
                int_survey_answers.survey_type,
                int_survey_answers.answering_account_id,
                int_survey_answers.respondent_id,
                int_survey_answers.anonymous_response_id
            order by int_survey_answers.responded_at desc, int_survey_answers.response_id desc
        ) as recency
    from int_survey_answers
    cross join settings
    inner join dim_months
        on
            int_survey_answers.responded_on
            between {{ add_days('dim_months.period_end_on', '1 - settings.survey_window_days') }}
            and dim_months.period_end_on
),

-- NPS asks a person once; every CSAT and CES answer is about its own occasion.
counted_answers as (
    select
        answers_in_windows.survey_type,
        answers_in_windows.answer_class,
        answers_in_windows.score,
        {% for column in segment_columns() %}
        dim_account_months.{{ column }},
        {% endfor %}
        answers_in_windows.month
    from answers_in_windows
    inner join dim_account_months
        on
            answers_in_windows.account_id = dim_account_months.account_id
            and answers_in_windows.month = dim_account_months.month
    where answers_in_windows.survey_type != 'nps' or answers_in_windows.recency = 1

    union all

    select
        'anchor' as survey_type,
        'anchor' as answer_class,
        0 as score,
        {% for column in segment_columns() %}
        'unknown' as {{ column }},
        {% endfor %}
        dim_months.month
    from dim_months
),

final as (
    select
        {{ segment_type() }} as segment_type,
        {{ segment_value() }} as segment_value,
        {% for column, word in [
            ('survey_type', 'nps'), ('survey_type', 'csat'), ('survey_type', 'ces'), ('answer_class', 'promoter'),
            ('answer_class', 'detractor'), ('answer_class', 'satisfied'), ('answer_class', 'easy'),
        ] %}
        cast(sum(case when {{ column }} = '{{ word }}' then 1 else 0 end) as bigint) as {{ word }}_count,
        {% endfor %}
        cast(sum(case when survey_type = 'ces' then score else 0 end) as bigint) as ces_score_sum,
        month
    from counted_answers
    group by {{ segment_sets('month') }}  -- noqa: PRS
)

select * from final
