-- What is compared: models/sources/recomputed.yml. How: macro differences.
with compared as (
    {% for table in recomputed_tables() %}
    {{ differences(table) }}
    {{ 'union all' if not loop.last }}
    {% endfor %}
),

final as (
    select
        table_name,
        grain,
        column_name,
        value,
        recomputed_value
    from compared
)

select * from final
