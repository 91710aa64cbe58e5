with surveys as (
    select
        int_surveys_by_segment.*,
        settings.nps_minimum_answers
    from {{ ref('int_surveys_by_segment') }} as int_surveys_by_segment
    cross join {{ ref('stg_run_settings') }} as settings
),

final as (
    {{ ratio_rows(
        'nps',
        'surveys',
        numerator='100 * (promoter_count - detractor_count)',
        denominator='nps_count',
        sample_size='nps_count',
        when_empty='no_answers',
        null_reason="case when nps_count between 1 and nps_minimum_answers - 1 then 'too_few_answers' end",
        tables=['survey_responses'],
    ) }}
)

select * from final
