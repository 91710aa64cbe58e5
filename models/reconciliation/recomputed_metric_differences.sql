-- A sample says nothing about totals: those are the sums of the SQL account rows, which a test of their own proves.
{% set bridge_lines = [
    'opening_mrr', 'expansion_mrr', 'contraction_mrr', 'churned_mrr', 'outside_expansion_mrr', 'outside_contraction_mrr',
    'outside_churned_mrr', 'cohort_reactivation_mrr', 'cohort_fx_mrr', 'cohort_closing_mrr', 'opening_revaluation_mrr',
] %}

with figures as (
    {% for key, segment_type, segment_value, sample_size, relation in [
        ('metric_key', 'segment_type', 'segment_value', 'sample_size', ref('metric_values')),
        ("'nrr_sensitivity.' || policy_key", "'total'", "'total'", '0', ref('nrr_sensitivity')),
    ] %}
    select {{ key }} as metric_key, month, {{ segment_type }} as segment_type, {{ segment_value }} as segment_value,
        numerator, denominator, value, {{ sample_size }} as sample_size, null_reason
    from {{ relation }}
    where coalesce(null_reason, '-') <> 'closed_only'
    union all
    {% endfor %}
    {% for line in bridge_lines %}
    select 'nrr_bridge.{{ line }}' as metric_key, month, segment_type, segment_value, {{ line }} as numerator,
        null as denominator, null as value, 0 as sample_size, null as null_reason
    from {{ ref('nrr_bridge') }}
    where {{ line }} <> 0
    {{ 'union all' if not loop.last }}
    {% endfor %}
),

metric_values as (
    select * from figures
    where not exists (
        select 1 from {{ source('recomputed', 'coverage') }} as coverage
        where coverage.is_sample
    )
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
        metric_values.numerator,
        recomputed.numerator as recomputed_numerator,
        metric_values.denominator,
        recomputed.denominator as recomputed_denominator,
        metric_values.value,
        recomputed.value as recomputed_value,
        metric_values.sample_size,
        recomputed.sample_size as recomputed_sample_size,
        metric_values.null_reason,
        recomputed.null_reason as recomputed_null_reason,
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
        *,
        not(
            is_in_both
            and numerator is not distinct from recomputed_numerator
            and denominator is not distinct from recomputed_denominator
            and sample_size = recomputed_sample_size
            and null_reason is not distinct from recomputed_null_reason
            and (
                value is not distinct from recomputed_value
                or (numerator is null and abs(value - recomputed_value) <= 0.000000001 * greatest(1, abs(value)))
            )
        ) as is_different
    from side_by_side
)

select * from final
