with stg_usage_events as (
    select * from {{ ref('stg_usage_events') }}
),

int_account_roots as (
    select * from {{ ref('int_account_roots') }}
),

int_usage_windows as (
    select * from {{ ref('int_usage_windows') }}
),

stg_features as (
    select * from {{ ref('stg_features') }}
),

stg_users as (
    select * from {{ ref('stg_users') }}
),

internal_users as (
    select user_id
    from stg_users
    where is_internal
),

lags as (
    select 0 as month_lag
    union all
    select 1 as month_lag
    union all
    select 2 as month_lag
),

-- A window touches the calendar months in which its days lie, so that events find it by an equality.
window_months as (
    select
        int_usage_windows.*,
        {{ add_months('int_usage_windows.month', '-lags.month_lag') }} as event_month
    from int_usage_windows
    inner join lags
        on {{ month_start('int_usage_windows.window_from_on') }}
            <= {{ add_months('int_usage_windows.month', '-lags.month_lag') }}
),

events_in_windows as (
    select
        int_account_roots.root_account_id as account_id,
        stg_usage_events.feature_key,
        coalesce(stg_features.is_core, not window_months.has_feature_list) as is_core,
        coalesce(stg_features.is_high_value, not window_months.has_feature_list) as is_high_value,
        window_months.month,
        stg_usage_events.occurred_on
    from stg_usage_events
    inner join window_months
        on
            {{ month_start('stg_usage_events.occurred_on') }} = window_months.event_month
            and stg_usage_events.occurred_on between window_months.window_from_on and window_months.window_to_on
    inner join int_account_roots
        on
            stg_usage_events.account_id = int_account_roots.account_id
            and not int_account_roots.is_excluded
    left join stg_features on stg_usage_events.feature_key = stg_features.feature_key
    left join internal_users on stg_usage_events.user_id = internal_users.user_id
    where internal_users.user_id is null and {{ none_is_withheld(usage_tables()) }}
),

-- The one pass over all events of customers: never one row an event.
final as (
    select
        account_id,
        cast(count(distinct case when is_core then occurred_on end) as bigint) as active_days,
        cast(count(distinct case when is_core then feature_key end) as bigint) as core_features_used,
        cast(count(distinct case when is_high_value then feature_key end) as bigint) as high_value_features_used,
        cast(count(*) as bigint) as event_count,
        month
    from events_in_windows
    group by account_id, month
)

select * from final
