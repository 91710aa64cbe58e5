with int_surveys_by_segment as (
    select * from {{ ref('int_surveys_by_segment') }}
),

settings as (
    select * from {{ ref('stg_run_settings') }}
),

parts as (
    select
        surveys.segment_type,
        surveys.segment_value,
        cast(100 * (surveys.promoter_count - surveys.detractor_count) as decimal(38, 4)) as numerator,
        cast(surveys.nps_count as decimal(38, 4)) as denominator,
        surveys.nps_count as sample_size,
        case
            when surveys.nps_count = 0 then 'no_answers'
            when surveys.nps_count < settings.nps_minimum_answers then 'too_few_answers'
        end as null_reason,
        surveys.month
    from int_surveys_by_segment as surveys
    cross join settings
),

final as (
    select
        cast('nps' as varchar) as metric_key,
        month,
        segment_type,
        segment_value,
        numerator,
        denominator,
        case when null_reason is null then {{ exact_ratio('numerator', 'denominator') }} end as value,
        sample_size,
        cast(null_reason as varchar) as null_reason
    from parts
    where segment_type = 'total' or sample_size > 0
)

select * from final
