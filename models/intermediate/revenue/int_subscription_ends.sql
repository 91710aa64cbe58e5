with stg_subscriptions as (
    select * from {{ ref('stg_subscriptions') }}
),

stg_subscription_item_versions as (
    select * from {{ ref('stg_subscription_item_versions') }}
),

settings as (
    select * from {{ ref('stg_run_settings') }}
),

ends as (
    select
        stg_subscriptions.subscription_id,
        stg_subscriptions.ended_at,
        {{ next_midnight_when_inclusive('stg_subscriptions.ended_at', 'settings.time_zone') }} as midnight_at,
        settings.time_zone
    from stg_subscriptions
    cross join settings
    where stg_subscriptions.ended_at is not null
),

ends_followed_by_a_version as (
    select distinct ends.subscription_id
    from ends
    inner join stg_subscription_item_versions as versions
        on
            ends.subscription_id = versions.subscription_id
            and ends.ended_at <= versions.valid_from
            and ends.midnight_at > versions.valid_from
),

effective_ends as (
    select
        ends.subscription_id,
        ends.time_zone,
        case
            when ends_followed_by_a_version.subscription_id is null then coalesce(ends.midnight_at, ends.ended_at)
            else ends.ended_at
        end as ended_at
    from ends
    left join ends_followed_by_a_version on ends.subscription_id = ends_followed_by_a_version.subscription_id
),

final as (
    select
        subscription_id,
        ended_at,
        {{ local_date('ended_at', 'time_zone') }} as ended_on
    from effective_ends
)

select * from final
