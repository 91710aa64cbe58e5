with stg_subscriptions as (
    select * from {{ ref('stg_subscriptions') }}
),

int_item_lines as (
    select * from {{ ref('int_item_lines') }}
),

settings as (
    select * from {{ ref('stg_run_settings') }}
),

trials as (
    select
        subscription_id,
        trial_started_at,
        trial_ended_at,
        coalesce(trial_started_at, started_at) as from_at
    from stg_subscriptions
    where trial_ended_at is not null or status = 'trialing'
),

-- Only what was paid already tells an offer from a trial; a second subscription tried is a trial.
first_paid as (
    select
        subscription_id,
        min(from_at) as paid_from_at
    from int_item_lines
    where list_numerator > discount_numerator and (to_at is null or from_at < to_at)
    group by subscription_id
),

final as (
    select
        trials.subscription_id,
        case
            when trials.trial_started_at >= trials.trial_ended_at then 'without_time'
            when trials.trial_started_at > first_paid.paid_from_at then 'retention_offer'
            when trials.trial_started_at is null and {{ days_between(
                local_date('trials.from_at', 'settings.time_zone'),
                local_date('trials.trial_ended_at', 'settings.time_zone'),
            ) }} > settings.longest_trial_days then 'retention_offer'
            else 'trial'
        end as kind,
        trials.from_at,
        trials.trial_ended_at as to_at
    from trials
    left join first_paid on trials.subscription_id = first_paid.subscription_id
    cross join settings
)

select * from final
