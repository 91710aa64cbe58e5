with int_revenue_by_segment as (
    select * from {{ ref('int_revenue_by_segment') }}
),

parts as (
    select
        month,
        segment_type,
        segment_value,
        cast(closing_mrr as decimal(38, 4)) as numerator,
        cast(paying_customers as decimal(38, 4)) as denominator,
        paying_customers as sample_size
    from int_revenue_by_segment
),

final as (
    select
        'arpa' as metric_key,
        month,
        segment_type,
        segment_value,
        numerator,
        denominator,
        {{ exact_ratio('numerator', 'denominator') }} as value,
        sample_size,
        case when denominator = 0 then 'no_customers' end as null_reason
    from parts
    where segment_type = 'total' or sample_size > 0
)

select * from final
