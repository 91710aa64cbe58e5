with fct_onboardings as (
    select * from {{ ref('fct_onboardings') }}
),

dim_accounts as (
    select * from {{ ref('dim_accounts') }}
),

dim_account_months as (
    select * from {{ ref('dim_account_months') }}
),

dim_months as (
    select * from {{ ref('dim_months') }}
),

settings as (
    select * from {{ ref('stg_run_settings') }}
),

cohort_customers as (
    select
        1 as is_started,
        case
            when fct_onboardings.first_zero_on
                < {{ add_months('fct_onboardings.started_on', 'settings.early_churn_months') }} then 1
            else 0
        end as is_lost_early,
        case when fct_onboardings.required_count > 0 then 1 else 0 end as is_onboarding,
        case when fct_onboardings.is_completed then 1 else 0 end as is_completed,
        coalesce(dim_account_months.plan_tier, 'unknown') as plan_tier,
        coalesce(dim_account_months.size_band, 'unknown') as size_band,
        dim_accounts.industry,
        dim_accounts.country,
        fct_onboardings.start_month
    from fct_onboardings
    cross join settings
    inner join dim_accounts on fct_onboardings.account_id = dim_accounts.account_id
    left join dim_account_months
        on
            fct_onboardings.account_id = dim_account_months.account_id
            and fct_onboardings.start_month = dim_account_months.month
),

-- Early churn looks back, so the first months ask for cohorts from before them.
cohort_months as (
    select dim_months.month as start_month
    from dim_months

    union

    select {{ add_months('dim_months.month', '-settings.early_churn_months') }} as start_month
    from dim_months
    cross join settings
),

anchored_customers as (
    select * from cohort_customers

    union all

    select
        0 as is_started,
        0 as is_lost_early,
        0 as is_onboarding,
        0 as is_completed,
        {% for column in segment_columns() %}
        'unknown' as {{ column }},
        {% endfor %}
        start_month
    from cohort_months
),

final as (
    select
        {{ segment_type() }} as segment_type,
        {{ segment_value() }} as segment_value,
        cast(sum(is_started) as bigint) as started_count,
        cast(sum(is_lost_early) as bigint) as lost_early_count,
        cast(sum(is_onboarding) as bigint) as onboarding_count,
        cast(sum(is_completed) as bigint) as completed_count,
        start_month
    from anchored_customers
    group by {{ segment_sets('start_month') }}  -- noqa: PRS
)

select * from final
