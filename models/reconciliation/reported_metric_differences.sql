with reported_metrics as (
    select
        reported.*,
        row_number() over (
            partition by reported.metric_key, reported.period order by reported.reported_at desc
        ) as recency,
        count(*) over (partition by reported.metric_key, reported.period) as report_count
    from {{ ref('stg_reported_metrics') }} as reported
    cross join {{ ref('stg_run_settings') }} as settings
    where reported.reported_on <= settings.as_of_date
),

-- Of a closed month what was closed is what was reported.
metric_values as (
    select
        metric_key,
        month,
        headline_value as value,
        headline_null_reason as null_reason,
        is_closed
    from {{ ref('metric_values') }}
    where segment_type = 'total'
),

bounds as (
    {{ tie_out_bounds('reported_metrics') }}
),

compared as (
    select
        reported_metrics.metric_key,
        reported_metrics.period as month,
        reported_metrics.reported_by,
        metric_values.null_reason,
        metric_values.value,
        reported_metrics.value as reported_value,
        cast(metric_values.value - reported_metrics.value as decimal(38, 10)) as difference,
        reported_metrics.report_count,
        reported_metrics.reported_at,
        metric_values.metric_key is not null as is_published,
        coalesce(metric_values.is_closed, false) as is_closed,
        bounds.absolute_tolerance
    from reported_metrics
    cross join bounds
    left join metric_values
        on
            reported_metrics.metric_key = metric_values.metric_key
            and reported_metrics.period = metric_values.month
    where reported_metrics.recency = 1
),

judged as (
    select
        compared.*,
        is_published and (difference is null or abs(difference) > absolute_tolerance) as is_breach
    from compared
),

final as (
    select
        metric_key,
        month,
        value,
        reported_value,
        difference,
        cast(absolute_tolerance as decimal(38, 10)) as tolerance,
        null_reason,
        is_published,
        is_breach,
        case when is_breach then case when is_closed then 'error' else 'warn' end end as severity,
        reported_by,
        reported_at,
        cast(report_count as bigint) as report_count
    from judged
)

select * from final
