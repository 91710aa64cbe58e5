with int_usage_by_segment as (
    select * from {{ ref('int_usage_by_segment') }}
),

parts as (
    select
        segment_type,
        segment_value,
        case when is_feed_delivered then cast(active_count as decimal(38, 4)) end as numerator,
        case when is_feed_delivered then cast(eligible_count as decimal(38, 4)) end as denominator,
        eligible_count as sample_size,
        case
            when not is_feed_delivered then 'no_data'
            when eligible_count = 0 then 'no_customers'
        end as null_reason,
        month
    from int_usage_by_segment
),

final as (
    select
        cast('active_account_rate' as varchar) as metric_key,
        month,
        segment_type,
        segment_value,
        numerator,
        denominator,
        {{ exact_ratio('numerator', 'denominator') }} as value,
        sample_size,
        cast(null_reason as varchar) as null_reason
    from parts
    where segment_type = 'total' or sample_size > 0
)

select * from final
