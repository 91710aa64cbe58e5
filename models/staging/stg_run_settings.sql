{{ config(materialized='view') }}

with run_settings as (
    select * from {{ source('state', 'run_settings') }}
),

policy as (
    select * from {{ ref('policy') }}
),

currencies as (
    select * from {{ ref('currencies') }}
),

{% set whole_numbers = [
    'late_renewal_grace_days', 'ltv_cap_months', 'ltv_minimum_customers', 'cac_window_months', 'survey_window_days',
    'nps_minimum_answers', 'onboarding_days', 'early_churn_months', 'active_window_days', 'fiscal_year_start_month',
    'renewal_days', 'longest_trial_days', 'support_window_days', 'engagement_window_days', 'sentiment_window_days',
] %}

policy_row as (
    select
        max(case when policy.setting = 'policy_version' then policy.value end) as policy_version,
        {% for setting in whole_numbers %}
        cast(max(case when policy.setting = '{{ setting }}' then policy.value end) as bigint) as {{ setting }},
        {% endfor %}
        cast(max(case when policy.setting = 'gross_margin_rate' then policy.value end) as decimal(18, 8))
            as gross_margin_rate,
        cast(max(case when policy.setting = 'minimum_coverage' then policy.value end) as decimal(18, 4))
            as minimum_coverage
    from policy
),

final as (
    select
        run_settings.build_id,
        run_settings.time_zone,
        run_settings.currency,
        policy_row.*,
        {{ minor_units_of('currencies.minor_unit_digits') }} as minor_units,
        run_settings.accept_rejects,
        run_settings.is_simulation,
        run_settings.started_at,
        {{ utc_midnight(add_days('run_settings.as_of_date', 3651), 'run_settings.time_zone') }} as farthest_at,
        run_settings.as_of_date
    from run_settings
    cross join policy_row
    inner join currencies on run_settings.currency = currencies.currency
)

select * from final
