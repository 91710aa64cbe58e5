with int_usage_by_segment as (
    select * from {{ ref('int_usage_by_segment') }}
),

final as (
    {{ ratio_rows(
        'usage_days',
        'int_usage_by_segment',
        numerator='case when is_feed_delivered then active_days end',
        denominator='case when is_feed_delivered then eligible_count end',
        sample_size='eligible_count',
        null_reason="case when not is_feed_delivered then 'no_data' end",
        tables=usage_tables(),
    ) }}
)

select * from final
