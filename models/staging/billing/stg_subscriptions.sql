{{ config(materialized='view') }}

with base_subscriptions as (
    select * from {{ ref('base_subscriptions') }}
),

stg_run_settings as (
    select * from {{ ref('stg_run_settings') }}
),

accepted as (
    select base_subscriptions.*
    from base_subscriptions
    where base_subscriptions.rejection_rule is null
),

-- A subscription that replaces an unknown one stays, as one that replaces none.
final as (
    select
        accepted.subscription_id,
        accepted.account_id,
        accepted.status,
        replaced.subscription_id as replaces_subscription_id,
        accepted.cancel_reason,
        accepted.cancel_kind,
        coalesce(accepted.ended_at < accepted.started_at, false) as is_never_started,
        {{ is_plain_day('ended_at', 'accepted') }} as is_end_plain_day,
        accepted.started_at,
        accepted.trial_started_at,
        accepted.trial_ended_at,
        accepted.cancel_requested_at,
        accepted.ended_at,
        {{ local_date('accepted.cancel_requested_at', 'settings.time_zone') }} as cancel_requested_on
    from accepted
    cross join stg_run_settings as settings
    left join accepted as replaced on accepted.replaces_subscription_id = replaced.subscription_id
)

select * from final
