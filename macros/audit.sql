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
            {%- do parts.append("coalesce(cast(" ~ name ~ " as " ~ dbt.type_string() ~ "), '')") -%}
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
  A raw row as JSON text: as it came where a value is not of its type, else as it was read. Landing writes the text of
  the first kind only, since that of every row would take longer than all that is done with the rows.
#}
{% macro row_text(table) -%}
    coalesce(_row, {{ row_as_json(contract_columns(table)) }})
{%- endmacro %}

{# Columns as JSON text. #}
{% macro row_as_json(columns) -%}
    {{ return(adapter.dispatch('row_as_json', 'keizoku')(columns)) }}
{%- endmacro %}

{% macro default__row_as_json(columns) -%}
    {#- Without blanks, and instants as text: as DuckDB writes them. -#}
    cast(
        (
            select row_to_json(written) from (
                select
                    {% for column in columns -%}
                    {{ 'cast(' ~ column.name ~ ' as varchar)' if column.data_type == 'timestamp' else column.name }} as {{ column.name }}{{ ', ' if not loop.last }}
                    {%- endfor %}
            ) as written
        ) as varchar
    )
{%- endmacro %}

{% macro duckdb__row_as_json(columns) -%}
    cast(to_json(struct_pack({% for column in columns %}{{ column.name }} := {{ column.name }}{{ ', ' if not loop.last }}{% endfor %})) as varchar)
{%- endmacro %}

{% macro spark__row_as_json(columns) -%}
    to_json(
        named_struct({% for column in columns %}'{{ column.name }}', {{ column.name }}{{ ', ' if not loop.last }}{% endfor %}),
        map('ignoreNullFields', 'false')
    )
{%- endmacro %}

{#
  The text of a raw row, the values of its personal columns replaced by `***` and the whole cut at 2,000 characters.
  JSON escapes every quote within a text, so that `"column":` stands nowhere but at the column.
#}
{% macro masked_row(table) -%}
    {%- set masked = namespace(text=row_text(table)) -%}
    {%- for column in contract_columns(table) if column.config.meta.personal -%}
        {%- set masked.text = mask_json_value(masked.text, column.name) -%}
    {%- endfor -%}
    left({{ masked.text }}, 2000)
{%- endmacro %}

{# The column that a rule of the acceptance concerns, where it is always the same. #}
{% macro rule_columns(table) -%}
    {%- set ends = {
        'subscriptions': 'ended_at', 'subscription_item_versions': 'valid_to', 'users': 'deactivated_at',
        'subscription_pauses': 'paused_to', 'account_parents': 'valid_to', 'contracts': 'end_date',
        'invoice_lines': 'service_to', 'support_tickets': 'resolved_at', 'csm_assignments': 'valid_to',
    } -%}
    {%- set found = {
        'end_before_start': ends.get(table), 'interval_below_one': 'interval_count',
        'discount_above_line': 'discount_amount', 'too_large': 'unit_amount', 'canceled_without_end': 'ended_at',
        'score_out_of_scale': 'score', 'unknown_scale': 'scale_max', 'rate_not_positive': 'rate',
        'margin_above_one': 'gross_margin_rate', 'not_first_of_month': 'period', 'unknown_parent': 'parent_account_id',
        'parent_cycle': 'parent_account_id', 'too_far_in_the_past': 'valid_from', 'overlapping_versions': 'valid_from',
        'overlapping_periods': 'valid_from', 'conflicting_key': contract_key(table) | first,
    } -%}
    {%- for column in contract_columns(table) -%}
        {%- set parent = column.config.meta.references -%}
        {%- if parent and ('unknown_' ~ parent[:-1]) not in found -%}
            {%- do found.update({'unknown_' ~ parent[:-1]: column.name}) -%}
        {%- endif -%}
        {%- if column.config.meta.currency and 'unknown_currency' not in found -%}
            {%- do found.update({'unknown_currency': column.name}) -%}
        {%- endif -%}
    {%- endfor -%}
    {{ return(found) }}
{%- endmacro %}

{# The name of the column for which a row of a base model was rejected. The run's settings are joined as `settings`. #}
{% macro faulty_column(table, rows) -%}
    {%- set names = contract_columns(table) | map(attribute='name') | list -%}
    case
            when {{ rows }}.rejection_rule = 'bad_type' then split_part({{ rows }}._unparsed, ' ', 1)
            {%- for rule, conditions in value_conditions(table, rows) -%}
            {%- for column, condition in conditions %}
            when {{ rows }}.rejection_rule = '{{ rule }}' and {{ condition }} then '{{ column }}'
            {%- endfor -%}
            {%- endfor -%}
            {%- if table == 'exchange_rates' %}
            when {{ rows }}.rejection_rule = 'unknown_currency'
                and {{ rows }}.base_currency in (select currency from {{ ref('currencies') }})
                then 'quote_currency'
            {%- endif -%}
            {%- for rule, column in rule_columns(table).items() if column in names %}
            when {{ rows }}.rejection_rule = '{{ rule }}' then '{{ column }}'
            {%- endfor %}
        end
{%- endmacro %}

{# The value of a column whose name a row holds, as text, as it came where it could not be read; personal ones are `***`. #}
{% macro value_found(table, name) -%}
    case
            {%- for column in contract_columns(table) %}
            when {{ name }} = '{{ column.name }}' then
            {%- if column.config.meta.personal %} '***'
            {%- else %} coalesce({{ json_value('_row', column.name) }}, cast({{ column.name }} as {{ dbt.type_string() }}))
            {%- endif %}
            {%- endfor %}
        end
{%- endmacro %}

{# The text of one value in a JSON text. #}
{% macro json_value(json, column) -%}
    {{ return(adapter.dispatch('json_value', 'keizoku')(json, column)) }}
{%- endmacro %}

{% macro default__json_value(json, column) -%}
    (cast({{ json }} as json) ->> '{{ column }}')
{%- endmacro %}

{% macro duckdb__json_value(json, column) -%}
    json_extract_string({{ json }}, '{{ column }}')
{%- endmacro %}

{% macro spark__json_value(json, column) -%}
    get_json_object({{ json }}, '$.{{ column }}')
{%- endmacro %}

{# What a rejected row names in another table: the table, or the value. Null for rows rejected for other rules. #}
{% macro named_parent(table, what, rows) -%}
    {%- set columns = rule_columns(table) -%}
    case {{ rows }}.rejection_rule
            {%- for parent in ('account', 'subscription', 'product') %}
            when 'unknown_{{ parent }}' then
            {%- if what == 'table' %} '{{ parent }}s'
            {%- else %} {{ rows ~ '.' ~ columns['unknown_' ~ parent] if ('unknown_' ~ parent) in columns else 'null' }}
            {%- endif %}
            {%- endfor %}
            when 'unknown_parent' then
            {%- if what == 'table' %} 'accounts'
            {%- else %} {{ rows ~ '.parent_account_id' if table in ('accounts', 'account_parents') else 'null' }}
            {%- endif %}
            else cast(null as {{ dbt.type_string() }})
        end
{%- endmacro %}

{# The value of one column in a JSON text replaced by `***`; null stays null. #}
{% macro mask_json_value(json, column) -%}
    {{ return(adapter.dispatch('mask_json_value', 'keizoku')(json, column)) }}
{%- endmacro %}

{% macro default__mask_json_value(json, column) -%}
    regexp_replace({{ json }}, '"{{ column }}" *: *("[^"\\]*(\\.[^"\\]*)*"|[^n", }][^,}]*)', '"{{ column }}":"***"')
{%- endmacro %}

{# Spark reads backslashes in a text as escapes. #}
{% macro spark__mask_json_value(json, column) -%}
    {{ default__mask_json_value(json, column) | replace('\\', '\\\\') }}
{%- endmacro %}
