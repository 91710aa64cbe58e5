-- A row means that the segments of one type do not add up to the total of a metric whose parts add up. An analyst who
-- sums slices would get another figure than the headline: a developer of that metric acts.
-- depends_on: {{ ref('recomputed_differences') }}, which names a metric that is wrong: it has to run first.
with metric_values as (
    select * from {{ ref('metric_values') }}
    where null_reason is null or null_reason not in ('no_data', 'not_matured', 'month_incomplete')
),

segment_sums as (
    select
        metric_key,
        month,
        segment_type,
        sum(numerator) as numerator,
        sum(denominator) as denominator,
        sum(sample_size) as sample_size
    from metric_values
    where segment_type <> 'total'
    group by metric_key, month, segment_type
),

totals as (
    select * from metric_values
    where segment_type = 'total' and sample_size > 0
)

select
    totals.metric_key,
    totals.month,
    segment_sums.segment_type,
    totals.numerator,
    segment_sums.numerator as numerator_of_segments,
    totals.denominator,
    segment_sums.denominator as denominator_of_segments,
    totals.sample_size,
    segment_sums.sample_size as sample_size_of_segments
from totals
inner join segment_sums
    on
        totals.metric_key = segment_sums.metric_key
        and totals.month = segment_sums.month
where
    totals.numerator is distinct from segment_sums.numerator
    or totals.denominator is distinct from segment_sums.denominator
    or totals.sample_size <> segment_sums.sample_size
