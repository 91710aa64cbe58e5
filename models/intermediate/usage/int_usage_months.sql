with int_account_month_attributes as (
    select * from {{ ref('int_account_month_attributes') }}
),

int_usage_windows as (
    select * from {{ ref('int_usage_windows') }}
),

int_usage_account_months as (
    select * from {{ ref('int_usage_account_months') }}
),

-- Nothing used is 0 only where the feed delivered; else it is not known.
final as (
    select
        int_account_month_attributes.account_id,
        {% for column in ['active_days', 'core_features_used', 'high_value_features_used', 'event_count'] %}
        case when windows.is_feed_delivered then coalesce(used.{{ column }}, 0) end as {{ column }},
        {% endfor %}
        windows.core_feature_count,
        windows.high_value_feature_count,
        case when windows.is_feed_delivered then coalesce(used.active_days, 0) > 0 end as has_core_event,
        windows.is_feed_delivered,
        int_account_month_attributes.month,
        windows.window_from_on,
        windows.window_to_on
    from int_account_month_attributes
    inner join int_usage_windows as windows on int_account_month_attributes.month = windows.month
    left join int_usage_account_months as used
        on
            int_account_month_attributes.account_id = used.account_id
            and int_account_month_attributes.month = used.month
)

select * from final
