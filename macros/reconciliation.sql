{# Every published table beside the same table by Python. What is compared, and by which key, stands in
   models/sources/recomputed.yml: the key is the grain, and the other columns are those that are compared. #}

{# The published tables that are recomputed. #}
{% macro recomputed_tables() %}
    {{ return([
        'dim_accounts', 'dim_months', 'dim_products', 'dim_account_months', 'dim_segments', 'fct_account_months',
        'fct_mrr_movements', 'fct_retention_account_months', 'fct_health_components', 'fct_health_scores', 'fct_onboardings',
        'fct_scheduled_mrr', 'fct_survey_responses', 'fct_usage_months', 'cohort_retention', 'metric_catalog',
        'metric_values', 'mrr_waterfall',
        'mrr_waterfall_as_reported', 'mrr_waterfall_native', 'nrr_bridge', 'nrr_sensitivity', 'closed_account_months',
        'closes', 'invoice_line_classes', 'item_months', 'mrr_to_invoices', 'mrr_to_revenue', 'nrr_evidence',
        'reported_metric_differences', 'restated_items', 'restatements', 'retention_by_hierarchy', 'ledger_accounts',
    ]) }}
{% endmacro %}

{# What the sources say of a recomputed table: its key, its other columns, and what of it a sample can tell. Columns
   that rest on everybody (of_all) are empty in a sample; one that is close without another may be off by 10^-9. #}
{% macro recomputed_table(name) %}
    {% if not execute %}{{ return({'key': [], 'columns': [], 'sample': 'customers'}) }}{% endif %}
    {% for source in graph.sources.values() if source.source_name == 'recomputed' and source.name == name %}
        {% set meta = source.config.meta %}
        {% set key_text = meta.key | join(' ') %}
        {% set columns = [] %}
        {% for column in source.columns.values() if column.name not in meta.key and '(' ~ column.name ~ ',' not in key_text %}
            {% do columns.append({
                'name': column.name, 'quoted': adapter.quote(column.name),
                'of_all': column.config.meta.of_all, 'close_without': column.config.meta.close_without,
            }) %}
        {% endfor %}
        {{ return({'key': meta.key, 'columns': columns, 'sample': meta.sample}) }}
    {% endfor %}
{% endmacro %}

{# True when Python computed a sample of the customers. #}
{% macro is_sample() -%}
    true in (select coverage.is_sample from {{ source('recomputed', 'coverage') }} as coverage)
{%- endmacro %}

{# The published rows that are compared: all of them; of a sample, those of its customers that Python can tell. #}
{% macro compared_rows(relation, table) -%}
    {{ relation }} as published
    {% if table.sample == 'nothing' %}
    where not {{ is_sample() }}
    {% else %}
    where
        not {{ is_sample() }}
        or published.account_id in (select customers.account_id from {{ source('recomputed', 'customers') }} as customers)
        {% if table.sample == 'months_of_sample' %}
        and published.month >= (
            select min(paid.month) from {{ ref('fct_account_months') }} as paid
            where paid.account_id in (
                select customers.account_id from {{ source('recomputed', 'customers') }} as customers
            )
        )
        {% endif %}
    {% endif %}
{%- endmacro %}

{# Where two values of a column disagree. #}
{% macro disagrees(column, one, other) -%}
    {% set left, right = one ~ '.' ~ column.quoted, other ~ '.' ~ column.quoted %}
    {% if column.close_without -%}
    ({{ left }} is distinct from {{ right }} and not coalesce(
        {{ one }}.{{ column.close_without }} is null
        and abs({{ left }} - {{ right }}) <= 0.000000001 * greatest(1, abs({{ left }})), false
    ))
    {%- else -%}
    {{ left }} is distinct from {{ right }}
    {%- endif %}
{%- endmacro %}

{# A row for every cell of a published table that Python sees in another way, and one for a row that one side lacks. #}
{% macro differences(name) %}
    {% set relation = ref(name) %}
    {% set table = recomputed_table(name) %}
    select
        '{{ name }}' as table_name,
        {% for _ in table.key -%}
        cast(coalesce(by_sql.key_{{ loop.index }}, by_python.key_{{ loop.index }}) as {{ dbt.type_string() }})
        {{- " || ' ' || " if not loop.last }}
        {%- endfor %} as grain,
        compared.column_name,
        case compared.column_name
            when '(row)' then case when by_sql.is_there then 'there' end
            {% for column in table.columns %}
            when '{{ column.name }}' then cast(by_sql.{{ column.quoted }} as {{ dbt.type_string() }})
            {% endfor %}
        end as value,
        case compared.column_name
            when '(row)' then case when by_python.is_there then 'there' end
            {% for column in table.columns %}
            when '{{ column.name }}' then cast(by_python.{{ column.quoted }} as {{ dbt.type_string() }})
            {% endfor %}
        end as recomputed_value
    from (
        select
            {% for column in table.key %}
            {{ column }} as key_{{ loop.index }},
            {% endfor %}
            {% for column in table.columns %}
            {% if column.of_all %}case when not {{ is_sample() }} then {{ column.quoted }} end as {% endif %}{{ column.quoted }},
            {% endfor %}
            true as is_there
        from {{ compared_rows(relation, table) }}
    ) as by_sql
    full outer join (
        select
            {% for column in table.key %}
            {{ column }} as key_{{ loop.index }},
            {% endfor %}
            {% for column in table.columns %}
            {{ column.quoted }},
            {% endfor %}
            true as is_there
        from {{ source('recomputed', name) }}
    ) as by_python
        on
            {% for _ in table.key %}
            {{ 'and ' if not loop.first }}by_sql.key_{{ loop.index }} = by_python.key_{{ loop.index }}
            {% endfor %}
    inner join (
        values ('(row)'){% for column in table.columns %}, ('{{ column.name }}'){% endfor %}
    ) as compared (column_name)
        on
            case
                when by_sql.is_there is null or by_python.is_there is null then compared.column_name = '(row)'
                {% for column in table.columns %}
                when compared.column_name = '{{ column.name }}' then {{ disagrees(column, 'by_sql', 'by_python') }}
                {% endfor %}
                else false
            end
{% endmacro %}

{# How many published rows of a table are compared, and how many of their values are there, a row a column. #}
{% macro counts(name) %}
    {% set relation = ref(name) %}
    {% set table = recomputed_table(name) %}
    select
        '{{ name }}' as table_name,
        listed.column_name,
        listed.is_key,
        counted.row_count,
        case listed.column_name
            {% for key in table.key %}
            when '{{ key_column(key) }}' then counted.row_count
            {% endfor %}
            {% for column in table.columns %}
            when '{{ column.name }}' then counted.count_{{ loop.index }}
            {% endfor %}
        end as value_count
    from (
        select
            {% for column in table.columns %}
            count({{ column.quoted }}) as count_{{ loop.index }},
            {% endfor %}
            count(*) as row_count
        from {{ compared_rows(relation, table) }}
    ) as counted
    cross join (
        values
        {% for key in table.key %}('{{ key_column(key) }}', true){{ ', ' }}{% endfor %}
        {% for column in table.columns %}('{{ column.name }}', false){{ ', ' if not loop.last }}{% endfor %}
    ) as listed (column_name, is_key)
{% endmacro %}

{# The column that a part of a key is made of: reason, of coalesce(reason, ''). #}
{% macro key_column(key) -%}
    {{ key.split('(')[-1].split(',')[0] }}
{%- endmacro %}
