with recursive int_renewal_links as (
    select * from {{ ref('int_renewal_links') }}
    where is_renewal
),

settings as (
    select * from {{ ref('stg_run_settings') }}
),

links as (
    select
        int_renewal_links.*,
        settings.late_renewal_grace_days,
        coalesce(greatest({{ days_between('replaced_ended_on', 'renewed_on') }}, 0), 0) as gap_days
    from int_renewal_links
    cross join settings
),

-- On through links without a price, while the gaps add up to no more than the grace.
walks as (
    select
        replaces_subscription_id as first_subscription_id,
        subscription_id,
        is_paid,
        replaced_ended_at as ended_at,
        renewed_at,
        replaced_ended_on as ended_on,
        renewed_on,
        gap_days,
        1 as step_count
    from links
    where gap_days <= late_renewal_grace_days
    union all
    select
        walks.first_subscription_id,
        links.subscription_id,
        links.is_paid,
        walks.ended_at,
        links.renewed_at,
        walks.ended_on,
        links.renewed_on,
        walks.gap_days + links.gap_days as gap_days,
        walks.step_count + 1 as step_count
    from walks
    inner join links on walks.subscription_id = links.replaces_subscription_id
    where
        not walks.is_paid
        and walks.gap_days + links.gap_days <= links.late_renewal_grace_days
        and walks.step_count < 100
),

final as (
    select
        first_subscription_id as subscription_id,
        coalesce(ended_at <= min(renewed_at), false) as is_after_end,
        ended_at,
        min(renewed_at) as renewed_at,
        ended_on,
        min(renewed_on) as renewed_on
    from walks
    where is_paid
    group by first_subscription_id, ended_at, ended_on
)

select * from final
