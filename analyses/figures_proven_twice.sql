-- In which months were SQL and Python compared, and did they ever differ?
-- A published file never holds a difference; this shows what the promise covers.
with metric_differences as (
    select * from {{ ref('recomputed_metric_differences') }}
),

movement_differences as (
    select * from {{ ref('recomputed_movement_differences') }}
),

compared as (
    select
        month,
        1 as metric_rows,
        case when null_reason is null then 1 else 0 end as metric_rows_with_value,
        0 as movement_rows,
        case when is_different then 1 else 0 end as differences
    from metric_differences

    union all

    select
        month,
        0 as metric_rows,
        0 as metric_rows_with_value,
        1 as movement_rows,
        case when is_different then 1 else 0 end as differences
    from movement_differences
),

final as (
    select
        month,
        cast(sum(metric_rows) as bigint) as metric_rows,
        cast(sum(metric_rows_with_value) as bigint) as metric_rows_with_value,
        cast(sum(movement_rows) as bigint) as movement_rows,
        cast(sum(differences) as bigint) as differences
    from compared
    group by month
)

select * from final
order by month desc
