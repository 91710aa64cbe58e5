with dim_months as (
    select * from {{ ref('dim_months') }}
),

int_usage_feature_days as (
    select * from {{ ref('int_usage_feature_days') }}
),

settings as (
    select * from {{ ref('stg_run_settings') }}
),

deadlines as (
    select
        dim_months.month as start_month,
        {{ add_days('dim_months.month_last_on', 'settings.onboarding_days') }} as matured_on,
        settings.as_of_date
    from dim_months
    cross join settings
),

final as (
    select
        deadlines.start_month,
        deadlines.matured_on <= deadlines.as_of_date as is_matured,
        count(int_usage_feature_days.occurred_on) > 0 as is_feed_delivered,
        deadlines.matured_on
    from deadlines
    left join int_usage_feature_days
        on int_usage_feature_days.occurred_on between deadlines.start_month and deadlines.matured_on
    group by deadlines.start_month, deadlines.matured_on, deadlines.as_of_date
)

select * from final
