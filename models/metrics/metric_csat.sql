with int_surveys_by_segment as (
    select * from {{ ref('int_surveys_by_segment') }}
),

final as (
    {{ ratio_rows(
        'csat',
        'int_surveys_by_segment',
        numerator='satisfied_count',
        denominator='csat_count',
        sample_size='csat_count',
        when_empty='no_answers',
        tables=['survey_responses'],
    ) }}
)

select * from final
