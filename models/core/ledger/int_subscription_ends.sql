with stg_subscriptions as (
    select * from {{ ref('stg_subscriptions') }}
),

pieces as (
    select * from {{ ref('int_version_pieces') }}
),

settings as (
    select * from {{ ref('stg_run_settings') }}
),

ends as (
    select
        stg_subscriptions.subscription_id,
        stg_subscriptions.ended_at,
        stg_subscriptions.is_end_plain_day,
        settings.time_zone,
        {{ next_midnight_when_inclusive('stg_subscriptions.ended_at', 'settings.time_zone') }} as midnight_at,
        {{ utc_midnight(
            add_days(local_date('stg_subscriptions.ended_at', 'settings.time_zone'), 1), 'settings.time_zone'
        ) }} as day_after_at
    from stg_subscriptions
    cross join settings
    where stg_subscriptions.ended_at is not null
),

-- An item may go on in another subscription.
items as (
    select distinct
        subscription_id,
        subscription_item_id
    from pieces
),

followed as (
    select
        ends.subscription_id,
        min(followers.valid_from) as next_from,
        min(case when followers.is_from_plain_day then followers.valid_from end) as next_plain_from
    from ends
    inner join items on ends.subscription_id = items.subscription_id
    inner join pieces as followers
        on items.subscription_item_id = followers.subscription_item_id and ends.ended_at <= followers.valid_from
    group by ends.subscription_id
),

effective_ends as (
    select
        ends.subscription_id,
        ends.time_zone,
        {{ end_reading('ends.is_end_plain_day', 'false') }} as end_reading,
        case {{ end_reading('ends.is_end_plain_day', 'false') }}
            when 'inclusive_day' then ends.day_after_at
            when 'inclusive_end' then ends.midnight_at
            else ends.ended_at
        end as ended_at
    from ends
    left join followed on ends.subscription_id = followed.subscription_id
),

final as (
    select
        subscription_id,
        end_reading,
        ended_at,
        {{ local_date('ended_at', 'time_zone') }} as ended_on
    from effective_ends
)

select * from final
