with int_survey_answers as (
    select * from {{ ref('int_survey_answers') }}
),

-- Who answered and what they wrote stay behind.
final as (
    select
        response_id,
        account_id,
        survey_type,
        touchpoint,
        answer_class,
        score,
        responded_at,
        responded_on
    from int_survey_answers
)

select * from final
