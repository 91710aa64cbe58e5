{% set used = [
    'active_days', 'core_features_used', 'core_feature_count', 'high_value_features_used', 'high_value_feature_count',
] %}

with fct_account_months as (
    select * from {{ ref('fct_account_months') }}
),

dim_accounts as (
    select * from {{ ref('dim_accounts') }}
),

dim_account_months as (
    select * from {{ ref('dim_account_months') }}
),

fct_usage_months as (
    select * from {{ ref('fct_usage_months') }}
),

int_usage_windows as (
    select * from {{ ref('int_usage_windows') }}
),

settings as (
    select * from {{ ref('stg_run_settings') }}
),

-- Who became a customer inside the window had no chance to be active all through it.
eligible_customers as (
    select
        1 as is_eligible,
        case when fct_usage_months.has_core_event then 1 else 0 end as is_active,
        {% for measure in used %}
        fct_usage_months.{{ measure }},
        {% endfor %}
        dim_account_months.plan_tier,
        dim_account_months.size_band,
        dim_account_months.industry,
        dim_account_months.country,
        fct_usage_months.is_feed_delivered,
        fct_account_months.month
    from fct_account_months
    cross join settings
    inner join dim_accounts on fct_account_months.account_id = dim_accounts.account_id
    inner join dim_account_months
        on
            fct_account_months.account_id = dim_account_months.account_id
            and fct_account_months.month = dim_account_months.month
    inner join fct_usage_months
        on
            fct_account_months.account_id = fct_usage_months.account_id
            and fct_account_months.month = fct_usage_months.month
    where
        fct_account_months.closing_mrr > 0
        and dim_accounts.started_on <= {{ add_days('fct_usage_months.window_to_on', '-settings.active_window_days') }}

    union all

    select
        0 as is_eligible,
        0 as is_active,
        {% for measure in used %}
        0 as {{ measure }},
        {% endfor %}
        {% for column in segment_columns() %}
        'unknown' as {{ column }},
        {% endfor %}
        is_feed_delivered,
        month
    from int_usage_windows
),

final as (
    select
        {{ segment_type() }} as segment_type,
        {{ segment_value() }} as segment_value,
        cast(sum(is_eligible) as bigint) as eligible_count,
        cast(sum(is_active) as bigint) as active_count,
        {% for measure in used %}
        cast(sum({{ measure }}) as bigint) as {{ measure }},
        {% endfor %}
        is_feed_delivered,
        month
    from eligible_customers
    group by {{ segment_sets('month, is_feed_delivered') }}  -- noqa: PRS
)

select * from final
