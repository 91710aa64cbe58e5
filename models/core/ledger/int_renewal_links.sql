with int_item_terms as (
    select * from {{ ref('int_item_terms') }}
),

stg_subscriptions as (
    select * from {{ ref('stg_subscriptions') }}
),

settings as (
    select * from {{ ref('stg_run_settings') }}
),

lineage as (
    select
        subscription_id,
        replaces_subscription_id
    from stg_subscriptions
    where replaces_subscription_id is not null
    union distinct
    select
        subscription_id,
        replaces_subscription_id
    from {{ ref('stg_subscription_replacements') }}
    where replaces_subscription_id is not null
),

served as (
    select
        subscription_id,
        min(from_at) as started_at,
        min(case when list_numerator > discount_numerator then from_at end) as paid_from_at,
        case when count(*) = count(to_at) then max(to_at) end as ended_at
    from int_item_terms
    group by subscription_id
),

-- What has no recurring item in force, such as a bridge without one, runs as its subscription does.
lives as (
    select
        stg_subscriptions.subscription_id,
        coalesce(served.started_at, stg_subscriptions.started_at) as started_at,
        served.paid_from_at,
        case when served.subscription_id is null then int_subscription_ends.ended_at else served.ended_at end
            as ended_at,
        settings.time_zone
    from stg_subscriptions
    left join served on stg_subscriptions.subscription_id = served.subscription_id
    left join {{ ref('int_subscription_ends') }} as int_subscription_ends
        on stg_subscriptions.subscription_id = int_subscription_ends.subscription_id
    cross join settings
    where
        not stg_subscriptions.is_never_started
        and {{ local_date('coalesce(served.started_at, stg_subscriptions.started_at)', 'settings.time_zone') }}
        <= settings.as_of_date
),

final as (
    select
        lineage.replaces_subscription_id,
        lineage.subscription_id,
        -- Nothing is renewed by what began before it, nor two by each other.
        renewals.started_at > replaced.started_at
        or (renewals.started_at = replaced.started_at and reverse_lineage.subscription_id is null) as is_renewal,
        renewals.paid_from_at is not null as is_paid,
        replaced.ended_at as replaced_ended_at,
        coalesce(renewals.paid_from_at, renewals.started_at) as renewed_at,
        {{ local_date('replaced.ended_at', 'replaced.time_zone') }} as replaced_ended_on,
        {{ local_date('coalesce(renewals.paid_from_at, renewals.started_at)', 'replaced.time_zone') }} as renewed_on
    from lineage
    inner join lives as renewals on lineage.subscription_id = renewals.subscription_id
    inner join lives as replaced on lineage.replaces_subscription_id = replaced.subscription_id
    left join lineage as reverse_lineage
        on
            lineage.subscription_id = reverse_lineage.replaces_subscription_id
            and lineage.replaces_subscription_id = reverse_lineage.subscription_id
    where lineage.subscription_id <> lineage.replaces_subscription_id
)

select * from final
