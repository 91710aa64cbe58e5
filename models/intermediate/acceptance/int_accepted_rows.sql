-- Each table with what counts its accepted rows, and the date or time that says how new a row is.
{% set tables = {
    'accounts': ('stg_accounts', 'created_at'),
    'products': ('stg_products', none),
    'subscriptions': ('stg_subscriptions', 'started_at'),
    'subscription_item_versions': ('stg_subscription_item_versions', 'valid_from'),
    'usage_events': ('stg_usage_events', 'occurred_at'),
    'survey_responses': ('stg_survey_responses', 'responded_at'),
    'onboarding_milestones': ('stg_onboarding_milestones', 'completed_at'),
    'features': ('stg_features', none),
    'users': ('stg_users', 'activated_at'),
    'subscription_replacements': ('stg_subscription_replacements', none),
    'subscription_pauses': ('stg_subscription_pauses', 'paused_from'),
    'account_parents': ('stg_account_parents', 'valid_from'),
    'contracts': ('stg_contracts', 'start_date'),
    'invoice_lines': ('stg_invoice_lines', 'issued_at'),
    'revenue_ledger': ('stg_revenue_ledger', 'period'),
    'reported_metrics': ('stg_reported_metrics', 'reported_at'),
    'exchange_rates': ('stg_exchange_rates', 'rate_date'),
    'support_tickets': ('stg_support_tickets', 'opened_at'),
    'engagement_activities': ('stg_engagement_activities', 'occurred_at'),
    'csm_assignments': ('stg_csm_assignments', 'valid_from'),
    'opportunities': ('stg_opportunities', 'closed_at'),
    'handoffs': ('base_handoffs', 'closed_won_at'),
    'cs_feedback': ('base_cs_feedback', 'created_at'),
    'referrals': ('base_referrals', 'referred_at'),
    'survey_sends': ('base_survey_sends', 'sent_at'),
    'success_plans': ('base_success_plans', 'achieved_at'),
    'unit_economics': ('stg_unit_economics', 'period'),
    'manual_adjustments': ('stg_manual_adjustments', 'period'),
} %}
{% set days = ('start_date', 'period', 'rate_date') %}

with settings as (
    select * from {{ ref('stg_run_settings') }}
),

day_bounds as (
    select
        time_zone,
        {{ add_days('as_of_date', -34) }} as past_on,
        {{ add_days('as_of_date', -6) }} as week_on,
        {{ add_days('as_of_date', 1) }} as end_on
    from settings
),

bounds as (
    select
        day_bounds.*,
        {{ utc_midnight('past_on', 'time_zone') }} as past_at,
        {{ utc_midnight('week_on', 'time_zone') }} as week_at,
        {{ utc_midnight('end_on', 'time_zone') }} as end_at
    from day_bounds
),

counts as (
    {% for table, (relation, column) in tables.items() %}
    {% set dated, unit = column or 'end_at', 'on' if column in days else 'at' %}
    select
        '{{ table }}' as table_name,
        count(*) as accepted_count,
        {% set newest = 'max(case when ' ~ dated ~ ' < end_' ~ unit ~ ' then ' ~ dated ~ ' end)' %}
        {{ newest if unit == 'at' else 'cast(null as timestamp)' }} as newest_at,
        {{ newest if unit == 'on' else 'cast(null as date)' }} as newest_on,
        count(case when {{ dated }} >= week_{{ unit }} and {{ dated }} < end_{{ unit }} then 1 end)
            as last_7_days_count,
        count(case when {{ dated }} >= past_{{ unit }} and {{ dated }} < week_{{ unit }} then 1 end)
            as previous_28_days_count
    from {{ ref(relation) }}
    cross join bounds
    {{ 'where rejection_rule is null' if relation.startswith('base_') }}
    {{ 'union all' if not loop.last }}
    {% endfor %}
),

final as (
    select
        counts.table_name,
        counts.accepted_count,
        counts.last_7_days_count,
        counts.previous_28_days_count,
        coalesce(counts.newest_on, {{ local_date('counts.newest_at', 'bounds.time_zone') }}) as newest_on
    from counts
    cross join bounds
)

select * from final
