{# Accounting for every row that came in: its key and its text, with what is personal left out. #}

{# Every table of the raw contract, in its order. Written out, since dbt must know what a model reads before the graph is there. #}
{% macro contract_tables() -%}
    {{ return([
        'accounts', 'products', 'subscriptions', 'subscription_item_versions', 'usage_events', 'survey_responses',
        'onboarding_milestones', 'features', 'users', 'subscription_replacements', 'subscription_pauses',
        'account_parents', 'contracts',
        'invoice_lines', 'revenue_ledger', 'reported_metrics', 'exchange_rates', 'support_tickets',
        'engagement_activities', 'csm_assignments', 'opportunities', 'handoffs', 'cs_feedback', 'referrals',
        'survey_sends', 'success_plans', 'unit_economics', 'manual_adjustments',
    ]) }}
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
