with int_onboarding_milestones as (
    select * from {{ ref('int_onboarding_milestones') }}
),

stg_usage_events as (
    select * from {{ ref('stg_usage_events') }}
),

stg_users as (
    select * from {{ ref('stg_users') }}
),

int_account_roots as (
    select * from {{ ref('int_account_roots') }}
),

settings as (
    select * from {{ ref('stg_run_settings') }}
),

-- Days as instants, so that no event has to be taken to its local day.
set_up_accounts as (
    select
        int_account_roots.account_id,
        int_onboarding_milestones.account_id as root_account_id,
        settings.time_zone,
        {{ utc_midnight(add_days('int_onboarding_milestones.completed_on', 1), 'settings.time_zone') }} as later_day_at,
        {{ utc_midnight(add_days('settings.as_of_date', 1), 'settings.time_zone') }} as not_yet_at
    from int_onboarding_milestones
    inner join int_account_roots
        on
            int_onboarding_milestones.account_id = int_account_roots.root_account_id
            and not int_account_roots.is_excluded
    cross join settings
    where int_onboarding_milestones.completed_on is not null
),

internal_users as (
    select user_id
    from stg_users
    where is_internal
),

first_uses as (
    select
        set_up_accounts.root_account_id,
        set_up_accounts.time_zone,
        min(stg_usage_events.occurred_at) as first_used_at
    from stg_usage_events
    inner join set_up_accounts
        on
            stg_usage_events.account_id = set_up_accounts.account_id
            and stg_usage_events.occurred_at >= set_up_accounts.later_day_at
            and stg_usage_events.occurred_at < set_up_accounts.not_yet_at
    left join internal_users on stg_usage_events.user_id = internal_users.user_id
    where internal_users.user_id is null and {{ none_is_withheld(usage_tables()) }}
    group by set_up_accounts.root_account_id, set_up_accounts.time_zone
),

final as (
    select
        root_account_id as account_id,
        {{ local_date('first_used_at', 'time_zone') }} as first_use_after_on
    from first_uses
)

select * from final
