with stg_run_settings as (
    select * from {{ ref('stg_run_settings') }}
),

rejected_rows as (
    {% for table in contract_tables() %}
    select
        '{{ table }}' as table_name,
        {{ key_text(table) }} as row_key,
        rejection_rule,
        {{ masked_row(table) }} as row_text,
        _row as whole_text
    from {{ ref('base_' ~ table) }}
    where rejection_rule not in ('duplicate', 'deleted')
    {{ 'union all' if not loop.last }}
    {% endfor %}
),

final as (
    select
        rejected_rows.table_name,
        row_number() over (
            partition by rejected_rows.table_name
            order by rejected_rows.row_key, rejected_rows.rejection_rule, rejected_rows.whole_text
        ) as number_in_table,
        rejected_rows.row_key,
        rejected_rows.rejection_rule as rule,
        rejected_rows.row_text,
        settings.build_id as build
    from rejected_rows
    cross join stg_run_settings as settings
)

select * from final
