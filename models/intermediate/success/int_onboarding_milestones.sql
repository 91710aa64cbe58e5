with stg_onboarding_milestones as (
    select * from {{ ref('stg_onboarding_milestones') }}
),

int_account_roots as (
    select * from {{ ref('int_account_roots') }}
),

settings as (
    select * from {{ ref('stg_run_settings') }}
),

-- What is done after the as-of date is not done yet.
milestones as (
    select
        int_account_roots.root_account_id as account_id,
        stg_onboarding_milestones.is_required,
        stg_onboarding_milestones.is_first_value,
        case
            when stg_onboarding_milestones.completed_on <= settings.as_of_date
                then stg_onboarding_milestones.completed_on
        end as completed_on,
        {{ local_date('stg_onboarding_milestones.due_at', 'settings.time_zone') }} < settings.as_of_date as is_due
    from stg_onboarding_milestones
    inner join int_account_roots
        on
            stg_onboarding_milestones.account_id = int_account_roots.account_id
            and not int_account_roots.is_excluded
    cross join settings
    where {{ none_is_withheld(['onboarding_milestones']) }}
),

counted as (
    select
        account_id,
        cast(sum(case when is_required then 1 else 0 end) as bigint) as required_count,
        cast(sum(case when is_required and completed_on is not null then 1 else 0 end) as bigint) as completed_count,
        cast(sum(case when is_required and completed_on is null and is_due then 1 else 0 end) as bigint)
            as overdue_count,
        cast(sum(case when is_first_value then 1 else 0 end) as bigint) as first_value_count,
        max(case when is_required then completed_on end) as last_completed_on,
        min(case when is_first_value then completed_on end) as first_value_on
    from milestones
    group by account_id
),

final as (
    select
        account_id,
        required_count,
        completed_count,
        overdue_count,
        first_value_count,
        case when required_count = completed_count then last_completed_on end as completed_on,
        first_value_on
    from counted
)

select * from final
