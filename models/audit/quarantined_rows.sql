with stg_run_settings as (
    select * from {{ ref('stg_run_settings') }}
),

{% for table in contract_tables() %}
rejected_{{ table }} as (
    select
        base_{{ table }}.*,
        {{ faulty_column(table, 'base_' ~ table) }} as column_name
    from {{ ref('base_' ~ table) }} as base_{{ table }}
    cross join stg_run_settings as settings  -- noqa: AL05
    where base_{{ table }}.rejection_rule not in ('duplicate', 'deleted')
),
{% endfor %}

rejected_rows as (
    {% for table in contract_tables() %}
    select
        '{{ table }}' as table_name,
        {{ key_text(table) }} as row_key,
        rejection_rule,
        column_name,
        left({{ value_found(table, 'column_name') }}, 200) as value_found,
        {{ named_parent(table, 'table', 'rejected_' ~ table) }} as parent_table,
        {{ named_parent(table, 'value', 'rejected_' ~ table) }} as parent_key,
        {{ masked_row(table) }} as row_text,
        {{ row_text(table) }} as whole_text
    from rejected_{{ table }}
    {{ 'union all' if not loop.last }}
    {% endfor %}
),

rejected_keys as (
    select distinct
        table_name,
        row_key
    from rejected_rows
    where table_name in ('accounts', 'subscriptions', 'products')
),

final as (
    select
        rejected_rows.table_name,
        cast(
            row_number() over (
                partition by rejected_rows.table_name
                order by rejected_rows.row_key, rejected_rows.rejection_rule, rejected_rows.whole_text
            ) as bigint
        ) as number_in_table,
        rejected_rows.row_key,
        rejected_rows.rejection_rule as rule,
        rejected_rows.column_name,
        rejected_rows.value_found,
        rejected_rows.row_text,
        rejected_keys.row_key is not null as is_follow_on,
        settings.build_id as build
    from rejected_rows
    cross join stg_run_settings as settings
    left join rejected_keys
        on
            rejected_rows.parent_table = rejected_keys.table_name
            and rejected_rows.parent_key = rejected_keys.row_key
)

select * from final
