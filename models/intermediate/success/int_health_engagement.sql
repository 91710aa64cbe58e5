with int_health_customers as (
    select * from {{ ref('int_health_customers') }}
),

stg_engagement_activities as (
    select * from {{ ref('stg_engagement_activities') }}
),

int_account_roots as (
    select * from {{ ref('int_account_roots') }}
),

dim_months as (
    select * from {{ ref('dim_months') }}
),

settings as (
    select * from {{ ref('stg_run_settings') }}
),

-- A month in whose window nobody did anything has no feed; 0 would be a guess.
delivered_months as (
    select distinct
        dim_months.month,
        {{ add_days('dim_months.period_end_on', '1 - settings.engagement_window_days') }} as window_from_on
    from dim_months
    cross join settings
    inner join stg_engagement_activities
        on
            stg_engagement_activities.occurred_on
            between {{ add_days('dim_months.period_end_on', '1 - settings.engagement_window_days') }}
            and dim_months.period_end_on
    where {{ none_is_withheld(['engagement_activities']) }}
),

attendances as (
    select
        int_account_roots.root_account_id as account_id,
        stg_engagement_activities.occurred_on
    from stg_engagement_activities
    inner join int_account_roots
        on
            stg_engagement_activities.account_id = int_account_roots.account_id
            and not int_account_roots.is_excluded
    where stg_engagement_activities.attended
),

-- Nothing is expected of tech touch, so nothing is scored.
final as (
    select
        customers.account_id,
        cast(count(attendances.occurred_on) as bigint) as attended_count,
        customers.month
    from int_health_customers as customers
    inner join delivered_months on customers.month = delivered_months.month
    left join attendances
        on
            customers.account_id = attendances.account_id
            and attendances.occurred_on between delivered_months.window_from_on and customers.scored_on
    where customers.touch_model != 'tech'
    group by customers.account_id, customers.month
)

select * from final
