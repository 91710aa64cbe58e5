-- What is compared: models/sources/recomputed.yml. What is not: seed recompute_exemptions.
with counted as (
    {% for table in recomputed_tables() %}
    {{ counts(table) }}
    {{ 'union all' if not loop.last }}
    {% endfor %}
),

differing as (
    select
        table_name,
        column_name,
        count(*) as difference_count
    from {{ ref('recomputed_differences') }}
    group by table_name, column_name
),

final as (
    select
        counted.table_name,
        counted.column_name,
        case when counted.is_key then 'key' else 'compared' end as proof,
        cast(null as {{ dbt.type_string() }}) as reason,
        cast(null as {{ dbt.type_string() }}) as guarded_by,
        cast(counted.row_count as bigint) as row_count,
        cast(counted.value_count as bigint) as value_count,
        cast(coalesce(differing.difference_count, 0) as bigint) as difference_count
    from counted
    left join differing on counted.table_name = differing.table_name and counted.column_name = differing.column_name

    union all

    select
        model as table_name,
        column_name,
        'exempt' as proof,
        reason,
        guarded_by,
        cast(null as bigint) as row_count,
        cast(null as bigint) as value_count,
        cast(null as bigint) as difference_count
    from {{ ref('recompute_exemptions') }}
)

select * from final
