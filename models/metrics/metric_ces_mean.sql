with int_surveys_by_segment as (
    select * from {{ ref('int_surveys_by_segment') }}
),

final as (
    {{ ratio_rows(
        'ces_mean',
        'int_surveys_by_segment',
        numerator='ces_score_sum',
        denominator='ces_count',
        sample_size='ces_count',
        when_empty='no_answers',
        tables=['survey_responses'],
    ) }}
)

select * from final
