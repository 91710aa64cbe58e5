with int_surveys_by_segment as (
    select * from {{ ref('int_surveys_by_segment') }}
),

final as (
    {{ ratio_rows(
        'ces',
        'int_surveys_by_segment',
        numerator='easy_count',
        denominator='ces_count',
        sample_size='ces_count',
        when_empty='no_answers',
        tables=['survey_responses'],
    ) }}
)

select * from final
