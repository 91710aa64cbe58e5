with int_cohorts_by_segment as (
    select * from {{ ref('int_cohorts_by_segment') }}
),

int_onboarding_feeds as (
    select * from {{ ref('int_onboarding_feeds') }}
),

judged as (
    select
        cohorts.segment_type,
        cohorts.segment_value,
        cohorts.completed_count,
        cohorts.onboarding_count as sample_size,
        case
            when not feeds.is_matured then 'not_matured'
            when cohorts.onboarding_count = 0 then 'no_customers'
            when not feeds.is_feed_delivered then 'no_data'
        end as null_reason,
        feeds.start_month as month
    from int_onboarding_feeds as feeds
    inner join int_cohorts_by_segment as cohorts on feeds.start_month = cohorts.start_month
),

parts as (
    select
        judged.*,
        case when null_reason in ('not_matured', 'no_data') then null else cast(completed_count as decimal(38, 4)) end
            as numerator,
        case when null_reason in ('not_matured', 'no_data') then null else cast(sample_size as decimal(38, 4)) end
            as denominator
    from judged
),

final as (
    select
        cast('onboarding_completion_rate' as varchar) as metric_key,
        month,
        segment_type,
        segment_value,
        numerator,
        denominator,
        {{ exact_ratio('numerator', 'denominator') }} as value,
        sample_size,
        cast(null_reason as varchar) as null_reason
    from parts
    where segment_type = 'total' or sample_size > 0
)

select * from final
