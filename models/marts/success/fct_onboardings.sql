with dim_accounts as (
    select * from {{ ref('dim_accounts') }}
),

int_onboarding_milestones as (
    select * from {{ ref('int_onboarding_milestones') }}
),

int_onboarding_first_uses as (
    select * from {{ ref('int_onboarding_first_uses') }}
),

settings as (
    select * from {{ ref('stg_run_settings') }}
),

onboardings as (
    select
        dim_accounts.account_id,
        {% for column in ['required_count', 'completed_count', 'overdue_count', 'first_value_count'] %}
        case when milestones_withheld.withheld_reason is null then coalesce(milestones.{{ column }}, 0) end
            as {{ column }},
        {% endfor %}
        {{ month_start('dim_accounts.started_on') }} as start_month,
        dim_accounts.started_on,
        {{ add_days('dim_accounts.started_on', 'settings.onboarding_days') }} as deadline_on,
        milestones.completed_on,
        first_uses.first_use_after_on,
        milestones.first_value_on,
        dim_accounts.first_zero_on,
        coalesce(milestones_withheld.withheld_reason, usage_withheld.withheld_reason) is not null as is_withheld,
        settings.as_of_date
    from dim_accounts
    cross join settings
    cross join {{ withheld(['onboarding_milestones']) }} as milestones_withheld
    cross join {{ withheld(usage_tables()) }} as usage_withheld
    left join int_onboarding_milestones as milestones on dim_accounts.account_id = milestones.account_id
    left join int_onboarding_first_uses as first_uses on dim_accounts.account_id = first_uses.account_id
    where dim_accounts.started_on is not null
),

-- The one place that decides the word.
judged as (
    select
        onboardings.*,
        case
            when required_count = 0 or is_withheld then 'unknown'
            when completed_on <= deadline_on and first_use_after_on <= deadline_on then 'completed'
            when first_use_after_on is not null then 'late'
            when first_zero_on is not null then 'churned'
            when deadline_on < as_of_date then 'past_deadline'
            else 'open'
        end as onboarding_status
    from onboardings
),

final as (
    select
        account_id,
        onboarding_status,
        required_count,
        completed_count,
        overdue_count,
        first_value_count,
        cast(
            case
                when first_value_on < started_on then 0
                else {{ days_between('started_on', 'first_value_on') }}
            end as bigint
        ) as days_to_value,
        case when onboarding_status <> 'unknown' then onboarding_status = 'completed' end as is_completed,
        start_month,
        started_on,
        deadline_on,
        completed_on,
        first_use_after_on,
        first_value_on,
        first_zero_on
    from judged
)

select * from final
