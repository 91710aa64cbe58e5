with int_health_by_segment as (
    select * from {{ ref('int_health_by_segment') }}
),

withheld as (
    select * from {{ withheld(usage_tables() + ['survey_responses', 'support_tickets', 'engagement_activities']) }}
),

-- Where nobody has a score nobody is known to be at risk, which is not a risk of 0.
scored_segments as (
    select
        int_health_by_segment.*,
        coalesce(
            withheld.withheld_reason, case when int_health_by_segment.scored_count = 0 then 'no_customers' end
        ) as unknown_reason
    from int_health_by_segment
    cross join withheld
),

final as (
    {{ level_rows(
        'mrr_at_risk',
        'scored_segments',
        level='at_risk_mrr',
        sample_size='scored_count',
        null_reason='unknown_reason',
    ) }}
)

select * from final
