with stg_usage_events as (
    select * from {{ ref('stg_usage_events') }}
),

settings as (
    select * from {{ ref('stg_run_settings') }}
),

-- Anybody's events, internal ones too: they tell whether the feed delivered.
final as (
    select
        stg_usage_events.feature_key,
        cast(count(*) as bigint) as event_count,
        stg_usage_events.occurred_on
    from stg_usage_events
    inner join settings on stg_usage_events.occurred_on <= settings.as_of_date
    group by stg_usage_events.feature_key, stg_usage_events.occurred_on
)

select * from final
