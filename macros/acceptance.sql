{#
  The acceptance rules that follow from the raw contract, as expressions. A base model puts them into one `case`, in
  the order of the rules, so that the first that fails names the reason; what concerns one table only stands there.
#}

{# The columns of a raw table as the contract declares them. The graph is empty while dbt parses. #}
{% macro contract_columns(table) -%}
    {%- if not execute -%}
        {{ return([]) }}
    {%- endif -%}
    {%- set raw_tables = graph.sources.values() | selectattr('source_name', 'equalto', 'raw') -%}
    {%- set raw_table = raw_tables | selectattr('name', 'equalto', table) | first -%}
    {{ return(raw_table.columns.values() | list) }}
{%- endmacro %}

{# What makes two rows copies of each other: every value as it landed, and the text of those that did not parse. #}
{% macro contract_values(table) -%}
    {{ contract_columns(table) | map(attribute='name') | join(', ') }}, _plain_days, case when _unparsed is not null then _row end
{%- endmacro %}

{# Whether the value of a column of instants came as a day without a clock. #}
{% macro is_plain_day(column, rows) -%}
    coalesce(' ' || {{ rows }}._plain_days || ' ' like '% {{ column }} %', false)
{%- endmacro %}

{# 1 for a row, 2 and on for its exact copies. #}
{% macro copy_number(table) -%}
    row_number() over (partition by {{ contract_values(table) }} order by _row)
{%- endmacro %}

{#
  Where a row stands among the rows of its key: 'duplicate' (an exact copy, or older than another), 'deleted' (it
  stays and its source deleted it), 'conflicting_key' (different rows, none of which is the latest), or null: it stays.
  `latest_by` are timestamps, null = oldest. A row whose key is null stands alone.
#}
{% macro key_standing(table, key, latest_by=['_updated_at']) -%}
    {%- set tie = (key + latest_by) | join(', ') -%}
    case
            when {{ copy_number(table) }} > 1 then 'duplicate'
            when {{ key | join(' is null or ') }} is null then case when _is_deleted then 'deleted' end
            when rank() over (
                partition by {{ key | join(', ') }}
                order by {{ latest_by | join(' desc nulls last, ') }} desc nulls last
            ) > 1 then 'duplicate'
            when min(case when _is_deleted then 1 else 0 end) over (partition by {{ tie }}) = 1 then 'deleted'
            when count(*) over (partition by {{ tie }}) <> count(*) over (partition by {{ contract_values(table) }})
                then 'conflicting_key'
        end
{%- endmacro %}

{#
  What the contract says of single values, as a list of rules in their order, each with pairs of a column and the
  condition under which it breaks the rule. `rows` names the relation that holds the raw columns; the run's settings
  are joined as `settings`. The columns `besides` have rules of their own for amounts.
#}
{% macro value_conditions(table, rows, besides=[]) -%}
    {%- set unaccepted, missing, late, negative = [], [], [], [] -%}
    {%- set far_day = add_days('settings.as_of_date', 3650) -%}
    {%- set far_instant = 'settings.farthest_at' -%}
    {%- for column in contract_columns(table) -%}
        {%- set name = rows ~ '.' ~ column.name -%}
        {%- set meta = column.config.meta -%}
        {%- if meta.accepted -%}
            {%- do unaccepted.append((column.name, name ~ " not in ('" ~ meta.accepted | join("', '") ~ "')")) -%}
        {%- endif -%}
        {%- if meta.required -%}
            {%- do missing.append((column.name, name ~ ' is null')) -%}
        {%- endif -%}
        {%- if column.data_type in ('date', 'timestamp') and not meta.is_end -%}
            {%- set bound = ' > ' ~ far_day if column.data_type == 'date' else ' >= ' ~ far_instant -%}
            {%- do late.append((column.name, name ~ bound)) -%}
        {%- endif -%}
        {%- set is_number = column.data_type == 'bigint' or column.data_type.startswith('decimal') -%}
        {%- if is_number and not meta.is_signed and column.name not in besides -%}
            {%- do negative.append((column.name, name ~ ' < 0')) -%}
        {%- endif -%}
    {%- endfor -%}
    {{ return([
        ('unaccepted_value', unaccepted), ('missing_value', missing), ('too_far_in_the_future', late),
        ('negative_amount', negative),
    ]) }}
{%- endmacro %}

{#
  Branches of a `case`: a value that is not of its type, that is not among the accepted ones, that is required and
  missing, or that lies more than 3,650 days after the as-of date.
#}
{% macro value_rules(table, rows='standing') -%}
    when {{ rows }}._unparsed is not null then 'bad_type'
    {%- for rule, conditions in value_conditions(table, rows) if rule != 'negative_amount' %}
        {{- _rule(conditions | map('last') | list, rule) }}
    {%- endfor %}
{%- endmacro %}

{# Branch of a `case`: a number below 0 in a column that the contract does not let be negative. #}
{% macro amount_rules(table, rows='standing', besides=[]) -%}
    {%- for rule, conditions in value_conditions(table, rows, besides) if rule == 'negative_amount' %}
        {{- _rule(conditions | map('last') | list, rule) }}
    {%- endfor %}
{%- endmacro %}

{#
  `rule` for a period that shares an instant with another one of its owner. Empty periods overlap nothing: leave them
  out, and every row that broke a rule before.
#}
{% macro overlap_rule(owner, key, rule) -%}
    case
            when max(coalesce(valid_to, cast('9999-12-31' as timestamp))) over (
                partition by {{ owner }} order by valid_from, {{ key }}
                rows between unbounded preceding and 1 preceding
            ) > valid_from then '{{ rule }}'
            when lead(valid_from) over (partition by {{ owner }} order by valid_from, {{ key }})
                < coalesce(valid_to, cast('9999-12-31' as timestamp)) then '{{ rule }}'
        end
{%- endmacro %}

{#
  What a line costs for one billing interval, exactly. A quantity has 14 digits before the point and 4 behind it, a price
  14 and 12: DuckDB multiplies the whole part of the price and the rest apart, and makes 10^15 of all that is more.
#}
{% macro line_amount(rows) -%}
    {{ return(adapter.dispatch('line_amount', 'keizoku')(rows)) }}
{%- endmacro %}

{% macro default__line_amount(rows) -%}
    {{ rows }}.quantity * {{ rows }}.unit_amount
{%- endmacro %}

{% macro duckdb__line_amount(rows) -%}
    {%- set whole_part = 'cast(trunc(' ~ rows ~ '.unit_amount) as decimal(15, 0))' -%}
    {%- set quantity = 'cast(' ~ rows ~ '.quantity as decimal(38, 4))' -%}
    {%- set of_whole = quantity ~ ' * ' ~ whole_part -%}
    {%- set of_rest = quantity ~ ' * cast(' ~ rows ~ '.unit_amount - ' ~ whole_part ~ ' as decimal(13, 12))' -%}
    case
        when abs({{ of_whole }}) > 1000000000000000
            then sign({{ of_whole }}) * cast(1000000000000000 as decimal(38, 16))
        else cast({{ of_whole }} as decimal(38, 16)) + {{ of_rest }}
    end
{%- endmacro %}

{# Spark keeps 38 digits of a product and drops decimals for that: the same two parts, no wider than they must be. #}
{% macro spark__line_amount(rows) -%}
    {%- set whole_part = 'cast(floor(' ~ rows ~ '.unit_amount) as decimal(15, 0))' -%}
    {%- set of_whole = rows ~ '.quantity * ' ~ whole_part -%}
    {%- set of_rest = rows ~ '.quantity * cast(' ~ rows ~ '.unit_amount - ' ~ whole_part ~ ' as decimal(13, 12))' -%}
    case
        when abs({{ of_whole }}) > 1000000000000000
            then cast(sign({{ of_whole }}) * 1000000000000000 as decimal(37, 16))
        else cast({{ of_whole }} as decimal(36, 16)) + cast({{ of_rest }} as decimal(36, 16))
    end
{%- endmacro %}

{% macro _rule(conditions, rule) -%}
    {%- if conditions %}
            when {{ conditions | join('\n                or ') }}
                then '{{ rule }}'
    {%- endif -%}
{%- endmacro %}

{#
  How an end was read, from `ends` with its midnight_at (null unless in a day's last minute) and day_after_at, and
  `followed` with the next start of the same item, next_from, and the next that came as a day, next_plain_from.
#}
{% macro end_reading(is_plain_day, is_cut) -%}
    case
            when {{ is_plain_day }} and followed.next_from = ends.day_after_at
                and followed.next_plain_from = ends.day_after_at then 'inclusive_day'
            when not {{ is_cut }} and ends.midnight_at <= coalesce(followed.next_from, ends.midnight_at)
                then 'inclusive_end'
            else 'as_written'
        end
{%- endmacro %}
