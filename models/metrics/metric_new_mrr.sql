with int_revenue_by_segment as (
    select * from {{ ref('int_revenue_by_segment') }}
),

final as (
    select
        'new_mrr' as metric_key,
        month,
        segment_type,
        segment_value,
        cast(new_mrr as decimal(38, 4)) as numerator,
        cast(null as decimal(38, 4)) as denominator,
        cast(new_mrr as decimal(38, 10)) as metric_value,
        paying_customers as sample_size,
        cast(null as {{ dbt.type_string() }}) as null_reason
    from int_revenue_by_segment
    where segment_type = 'total' or paying_customers > 0
)

select * from final
