with int_usage_months as (
    select * from {{ ref('int_usage_months') }}
),

final as (
    select
        account_id,
        month,
        active_days,
        event_count,
        core_features_used,
        core_feature_count,
        high_value_features_used,
        high_value_feature_count,
        has_core_event,
        is_feed_delivered,
        window_from_on,
        window_to_on
    from int_usage_months
)

select * from final
