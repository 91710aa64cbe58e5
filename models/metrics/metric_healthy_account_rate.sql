with int_health_by_segment as (
    select * from {{ ref('int_health_by_segment') }}
),

final as (
    {{ ratio_rows(
        'healthy_account_rate',
        'int_health_by_segment',
        numerator='healthy_count',
        denominator='scored_count',
        sample_size='scored_count',
        tables=usage_tables() + ['survey_responses', 'support_tickets', 'engagement_activities'],
    ) }}
)

select * from final
