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

observed_customers as (
    select
        fct_onboardings.account_id,
        fct_onboardings.started_on,
        fct_onboardings.first_value_on,
        coalesce(dim_account_months.plan_tier, 'unknown') as plan_tier,
        coalesce(dim_account_months.size_band, 'unknown') as size_band,
        dim_accounts.industry,
        dim_accounts.country,
        dim_months.month,
        case
            when fct_onboardings.first_zero_on < dim_months.period_end_on then fct_onboardings.first_zero_on
            else dim_months.period_end_on
        end as observed_to_on
    from fct_onboardings
    inner join dim_months
        on fct_onboardings.start_month between {{ add_months('dim_months.month', -11) }} and dim_months.month
    inner join dim_accounts on fct_onboardings.account_id = dim_accounts.account_id
    left join dim_account_months
        on
            fct_onboardings.account_id = dim_account_months.account_id
            and fct_onboardings.start_month = dim_account_months.month
    where fct_onboardings.first_value_count > 0
),

-- A value reached on the last day observed counts; one from before the start is day 0.
timed_customers as (
    select
        1 as is_observed,
        case when first_value_on <= observed_to_on then 1 else 0 end as is_reached,
        case
            when first_value_on <= started_on then 0
            when first_value_on <= observed_to_on then {{ days_between('started_on', 'first_value_on') }}
            else {{ days_between('started_on', 'observed_to_on') }}
        end as days,
        plan_tier,
        size_band,
        industry,
        country,
        month
    from observed_customers

    union all

    select
        0 as is_observed,
        0 as is_reached,
        0 as days,
        {% for column in segment_columns() %}
        'unknown' as {{ column }},
        {% endfor %}
        month
    from dim_months
),

final as (
    select
        {{ segment_type() }} as segment_type,
        {{ segment_value() }} as segment_value,
        cast(days as bigint) as days,
        cast(sum(is_observed) as bigint) as observed_count,
        cast(sum(is_reached) as bigint) as reached_count,
        month
    from timed_customers
    group by {{ segment_sets('month, days') }}  -- noqa: PRS
)

select * from final
