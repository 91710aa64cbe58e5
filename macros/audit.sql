{# Accounting for every row that came in: its key and its text, with what is personal left out. #}

{#
  Every table of the raw contract, in its order, with what counts its accepted rows, and the day or time that says how
  new a row is. Written out, since dbt must know what a model reads before the graph is there.
#}
{% macro contract_tables() -%}
    {{ return({
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
    }) }}
{%- endmacro %}

{# The key of a raw row as text; parts are joined by ` | `, what is missing is empty, what is personal is `***`. #}
{% macro key_text(table) -%}
    {%- set parts = [] -%}
    {%- for name in contract_key(table) -%}
        {%- set column = contract_columns(table) | selectattr('name', 'equalto', name) | first -%}
        {%- if column.config.meta.personal -%}
            {%- do parts.append("'***'") -%}
        {%- else -%}
            {%- do parts.append("coalesce(cast(" ~ name ~ " as varchar), '')") -%}
        {%- endif -%}
    {%- endfor -%}
    left({{ parts | join(" || ' | ' || ") if parts else "''" }}, 2000)
{%- endmacro %}

{# The key columns of a raw table as the contract declares them. The graph is empty while dbt parses. #}
{% macro contract_key(table) -%}
    {%- if not execute -%}
        {{ return([]) }}
    {%- endif -%}
    {%- set raw_tables = graph.sources.values() | selectattr('source_name', 'equalto', 'raw') -%}
    {%- set raw_table = raw_tables | selectattr('name', 'equalto', table) | first -%}
    {{ return(raw_table.config.meta.key) }}
{%- endmacro %}

{#
  The JSON text of a raw row, the values of its personal columns replaced by `***` and the whole cut at 2,000
  characters. JSON escapes every quote within a text, so that `"column":` stands nowhere but at the column.
#}
{% macro masked_row(table) -%}
    {%- set masked = namespace(text='_row') -%}
    {%- for column in contract_columns(table) if column.config.meta.personal -%}
        {%- set masked.text = mask_json_value(masked.text, column.name) -%}
    {%- endfor -%}
    left({{ masked.text }}, 2000)
{%- endmacro %}

{# The value of one column in a JSON text replaced by `***`; null stays null. #}
{% macro mask_json_value(json, column) -%}
    {{ return(adapter.dispatch('mask_json_value', 'keizoku')(json, column)) }}
{%- endmacro %}

{% macro default__mask_json_value(json, column) -%}
    regexp_replace({{ json }}, '"{{ column }}": *("[^"\\]*(\\.[^"\\]*)*"|[^n", }][^,}]*)', '"{{ column }}":"***"')
{%- endmacro %}

{# Spark reads backslashes in a text as escapes. #}
{% macro spark__mask_json_value(json, column) -%}
    {{ default__mask_json_value(json, column) | replace('\\', '\\\\') }}
{%- endmacro %}
