with int_surveys_by_segment as (
    select * from {{ ref('int_surveys_by_segment') }}
),

parts as (
    select
        segment_type,
        segment_value,
        cast(satisfied_count as decimal(38, 4)) as numerator,
        cast(csat_count as decimal(38, 4)) as denominator,
        csat_count as sample_size,
        month
    from int_surveys_by_segment
),

final as (
    select
        cast('csat' as varchar) as metric_key,
        month,
        segment_type,
        segment_value,
        numerator,
        denominator,
        {{ exact_ratio('numerator', 'denominator') }} as value,
        sample_size,
        cast(case when sample_size = 0 then 'no_answers' end as varchar) as null_reason
    from parts
    where segment_type = 'total' or sample_size > 0
)

select * from final
