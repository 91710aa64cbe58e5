with int_retention_by_segment as (
    select * from {{ ref('int_retention_by_segment') }}
    where window_months = 12
),

parts as (
    select
        month,
        segment_type,
        segment_value,
        cast(closing_mrr - price_uplift_mrr as decimal(38, 4)) as numerator,
        cast(opening_mrr as decimal(38, 4)) as denominator,
        opening_customers as sample_size
    from int_retention_by_segment
),

final as (
    select
        'nrr_ex_price' as metric_key,
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
