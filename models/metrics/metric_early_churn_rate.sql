with int_cohorts_by_segment as (
    select * from {{ ref('int_cohorts_by_segment') }}
),

dim_months as (
    select * from {{ ref('dim_months') }}
),

settings as (
    select * from {{ ref('stg_run_settings') }}
),

parts as (
    select
        cohorts.segment_type,
        cohorts.segment_value,
        case when dim_months.is_complete_month then cast(cohorts.lost_early_count as decimal(38, 4)) end as numerator,
        case when dim_months.is_complete_month then cast(cohorts.started_count as decimal(38, 4)) end as denominator,
        cohorts.started_count as sample_size,
        case
            when not dim_months.is_complete_month then 'month_incomplete'
            when cohorts.started_count = 0 then 'no_customers'
        end as null_reason,
        dim_months.month
    from dim_months
    cross join settings
    inner join int_cohorts_by_segment as cohorts
        on cohorts.start_month = {{ add_months('dim_months.month', '-settings.early_churn_months') }}
),

final as (
    select
        cast('early_churn_rate' as varchar) as metric_key,
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
