with int_health_by_segment as (
    select * from {{ ref('int_health_by_segment') }}
),

withheld as (
    select * from {{ withheld(usage_tables() + ['survey_responses', 'support_tickets', 'engagement_activities']) }}
),

-- Where nobody has a score nobody is known to be at risk, which is not a risk of 0.
reasons as (
    select
        int_health_by_segment.*,
        coalesce(
            withheld.withheld_reason, case when int_health_by_segment.scored_count = 0 then 'no_customers' end
        ) as null_reason
    from int_health_by_segment
    cross join withheld
),

final as (
    select
        'mrr_at_risk' as metric_key,
        month,
        segment_type,
        segment_value,
        cast(case when null_reason is null then at_risk_mrr end as decimal(38, 4)) as numerator,
        cast(null as decimal(38, 4)) as denominator,
        cast(case when null_reason is null then at_risk_mrr end as decimal(38, 10)) as metric_value,
        scored_count as sample_size,
        null_reason
    from reasons
    where segment_type = 'total' or scored_count > 0
)

select * from final
