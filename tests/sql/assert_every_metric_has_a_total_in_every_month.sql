-- A row means that a published month has no total of a metric of the catalogue: a reader of the whole company would see
-- a gap and no reason for it. A developer of that metric acts.
with metric_months as (
    select
        metrics.metric_key,
        months.month
    from {{ ref('metric_catalog') }} as metrics
    cross join {{ ref('dim_months') }} as months
)

select
    metric_months.metric_key,
    metric_months.month
from metric_months
left join {{ ref('metric_values') }} as totals
    on
        metric_months.metric_key = totals.metric_key
        and metric_months.month = totals.month
        and totals.segment_type = 'total'
where totals.metric_key is null
