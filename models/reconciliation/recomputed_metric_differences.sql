-- A sample says nothing about totals: those are the sums of the SQL account rows, which a test of their own proves.
with metric_values as (
    select * from {{ ref('metric_values') }}
    where not {{ is_sample() }}
),

recomputed as (
    select * from {{ source('recomputed', 'metric_values') }}
),

side_by_side as (
    select
        coalesce(metric_values.metric_key, recomputed.metric_key) as metric_key,
        coalesce(metric_values.month, recomputed.month) as month,
        coalesce(metric_values.segment_type, recomputed.segment_type) as segment_type,
        coalesce(metric_values.segment_value, recomputed.segment_value) as segment_value,
        {% for column in ['numerator', 'denominator', 'value', 'sample_size', 'null_reason'] %}
        metric_values.{{ column }},
        recomputed.{{ column }} as recomputed_{{ column }},
        {% endfor %}
        metric_values.metric_key is not null and recomputed.metric_key is not null as is_in_both
    from metric_values
    full outer join recomputed
        on
            metric_values.metric_key = recomputed.metric_key
            and metric_values.month = recomputed.month
            and metric_values.segment_type = recomputed.segment_type
            and metric_values.segment_value = recomputed.segment_value
),

-- A value with parts is one division of them, so it agrees exactly; without parts within 10^-9 of it.
final as (
    select
        side_by_side.*,
        true as is_different
    from side_by_side
    where not (
        is_in_both
        and numerator is not distinct from recomputed_numerator
        and denominator is not distinct from recomputed_denominator
        and sample_size = recomputed_sample_size
        and null_reason is not distinct from recomputed_null_reason
        and (
            value is not distinct from recomputed_value
            or (numerator is null and abs(value - recomputed_value) <= 0.000000001 * greatest(1, abs(value)))
        )
    )
)

select * from final
