with int_usage_by_segment as (
    select * from {{ ref('int_usage_by_segment') }}
),

final as (
    {{ ratio_rows(
        'product_usage_rate',
        'int_usage_by_segment',
        numerator='case when is_feed_delivered then core_features_used end',
        denominator='case when is_feed_delivered then core_feature_count end',
        sample_size='eligible_count',
        when_empty='no_features',
        null_reason="case when not is_feed_delivered then 'no_data' when eligible_count = 0 then 'no_customers' end",
        tables=usage_tables(),
    ) }}
)

select * from final
