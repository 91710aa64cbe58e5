-- Which published tables were computed a second time, how many values were compared, and did any differ?
-- A published file never holds a difference; this shows what the promise covers.
with coverage as (
    select * from {{ ref('recomputed_coverage') }}
),

final as (
    select
        table_name,
        cast(sum(case when proof = 'compared' then 1 else 0 end) as bigint) as compared_columns,
        cast(sum(case when proof = 'exempt' then 1 else 0 end) as bigint) as exempt_columns,
        max(row_count) as compared_rows,
        cast(sum(case when proof = 'compared' then value_count else 0 end) as bigint) as compared_values,
        cast(sum(difference_count) as bigint) as differences
    from coverage
    group by table_name
)

select * from final
order by compared_values desc, table_name asc
