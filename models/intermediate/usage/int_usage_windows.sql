with dim_months as (
    select * from {{ ref('dim_months') }}
),

int_usage_feature_days as (
    select * from {{ ref('int_usage_feature_days') }}
),

stg_features as (
    select * from {{ ref('stg_features') }}
),

settings as (
    select * from {{ ref('stg_run_settings') }}
),

windows as (
    select
        dim_months.month,
        {{ add_days('dim_months.period_end_on', '1 - settings.active_window_days') }} as window_from_on,
        dim_months.period_end_on as window_to_on
    from dim_months
    cross join settings
),

deliveries as (
    select distinct windows.month
    from windows
    inner join int_usage_feature_days
        on int_usage_feature_days.occurred_on between windows.window_from_on and windows.window_to_on
),

listed_features as (
    select
        cast(count(*) as bigint) as feature_count,
        cast(coalesce(sum(case when is_core then 1 else 0 end), 0) as bigint) as core_feature_count,
        cast(coalesce(sum(case when is_high_value then 1 else 0 end), 0) as bigint) as high_value_feature_count
    from stg_features
),

seen_features as (
    select
        windows.month,
        cast(count(distinct int_usage_feature_days.feature_key) as bigint) as feature_count
    from windows
    inner join int_usage_feature_days on windows.window_to_on >= int_usage_feature_days.occurred_on
    group by windows.month
),

-- Without a features table every feature seen so far is core and of high value. What is withheld counts nothing.
final as (
    select
        windows.month,
        {% for column in ['core_feature_count', 'high_value_feature_count'] %}
        case
            when features_withheld.withheld_reason is not null then null
            when listed_features.feature_count > 0 then listed_features.{{ column }}
            when usage_withheld.withheld_reason is null then coalesce(seen_features.feature_count, 0)
        end as {{ column }},
        {% endfor %}
        deliveries.month is not null as is_feed_delivered,
        listed_features.feature_count > 0 as has_feature_list,
        windows.window_from_on,
        windows.window_to_on
    from windows
    cross join listed_features
    cross join {{ withheld(['features']) }} as features_withheld
    cross join {{ withheld(usage_tables()) }} as usage_withheld
    left join deliveries on windows.month = deliveries.month
    left join seen_features on windows.month = seen_features.month
)

select * from final
