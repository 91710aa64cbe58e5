with int_item_terms as (
    select * from {{ ref('int_item_terms') }}
),

stg_subscriptions as (
    select * from {{ ref('stg_subscriptions') }}
),

settings as (
    select * from {{ ref('stg_run_settings') }}
),

service_ends as (
    select
        subscription_id,
        max(to_at) as ended_at
    from int_item_terms
    group by subscription_id
    having count(*) = count(to_at)
),

renewal_starts as (
    select
        stg_subscriptions.replaces_subscription_id as subscription_id,
        min(int_item_terms.from_at) as renewed_at
    from int_item_terms
    inner join stg_subscriptions on int_item_terms.subscription_id = stg_subscriptions.subscription_id
    where
        stg_subscriptions.replaces_subscription_id is not null
        and int_item_terms.list_numerator > int_item_terms.discount_numerator
    group by stg_subscriptions.replaces_subscription_id
),

gaps as (
    select
        service_ends.subscription_id,
        service_ends.ended_at,
        renewal_starts.renewed_at,
        {{ local_date('service_ends.ended_at', 'settings.time_zone') }} as ended_on,
        {{ local_date('renewal_starts.renewed_at', 'settings.time_zone') }} as renewed_on,
        settings.late_renewal_grace_days
    from service_ends
    inner join renewal_starts on service_ends.subscription_id = renewal_starts.subscription_id
    cross join settings
    where service_ends.ended_at < renewal_starts.renewed_at
),

final as (
    select
        subscription_id,
        ended_at,
        renewed_at,
        ended_on,
        renewed_on
    from gaps
    where {{ days_between('ended_on', 'renewed_on') }} <= late_renewal_grace_days
)

select * from final
