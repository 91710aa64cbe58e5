with stg_usage_events as (
    select * from {{ ref('stg_usage_events') }}
),

settings as (
    select * from {{ ref('stg_run_settings') }}
),

-- A UTC day touches two local days at most, so its first and last event tell which of them had any: a time zone is
-- looked up for few instants instead of every event.
utc_days as (
    select
        feature_key,
        min(occurred_at) as first_at,
        max(occurred_at) as last_at
    from stg_usage_events
    where {{ none_is_withheld(usage_tables()) }}
    group by feature_key, cast(occurred_at as date)
),

sides as (
    select true as is_first
    union all
    select false as is_first
),

local_days as (
    select
        utc_days.feature_key,
        {{ local_date(
            'case when sides.is_first then utc_days.first_at else utc_days.last_at end',
            'settings.time_zone',
        ) }} as occurred_on,
        settings.as_of_date
    from utc_days
    cross join sides
    cross join settings
),

-- Anybody's events, internal ones too: they tell whether the feed delivered.
final as (
    select distinct
        feature_key,
        occurred_on
    from local_days
    where occurred_on <= as_of_date
)

select * from final
