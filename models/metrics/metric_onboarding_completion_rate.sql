with int_cohorts_by_segment as (
    select * from {{ ref('int_cohorts_by_segment') }}
),

int_onboarding_feeds as (
    select * from {{ ref('int_onboarding_feeds') }}
),

cohorts as (
    select
        feeds.start_month as month,
        cohorts.segment_type,
        cohorts.segment_value,
        cohorts.completed_count,
        cohorts.onboarding_count,
        case
            when not feeds.is_matured then 'not_matured'
            when cohorts.onboarding_count > 0 and not feeds.is_feed_delivered then 'no_data'
        end as null_reason
    from int_onboarding_feeds as feeds
    inner join int_cohorts_by_segment as cohorts on feeds.start_month = cohorts.start_month
),

final as (
    {{ ratio_rows(
        'onboarding_completion_rate',
        'cohorts',
        numerator='case when null_reason is null then completed_count end',
        denominator='case when null_reason is null then onboarding_count end',
        sample_size='onboarding_count',
        null_reason='null_reason',
        tables=usage_tables() + ['onboarding_milestones'],
    ) }}
)

select * from final
