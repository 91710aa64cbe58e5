with int_cohorts_by_segment as (
    select * from {{ ref('int_cohorts_by_segment') }}
),

dim_months as (
    select * from {{ ref('dim_months') }}
),

settings as (
    select * from {{ ref('stg_run_settings') }}
),

cohorts as (
    select
        dim_months.month,
        dim_months.is_complete_month,
        cohorts.segment_type,
        cohorts.segment_value,
        cohorts.lost_early_count,
        cohorts.started_count
    from dim_months
    cross join settings
    inner join int_cohorts_by_segment as cohorts
        on cohorts.start_month = {{ add_months('dim_months.month', '-settings.early_churn_months') }}
),

final as (
    {{ ratio_rows(
        'early_churn_rate',
        'cohorts',
        numerator='case when is_complete_month then lost_early_count end',
        denominator='case when is_complete_month then started_count end',
        sample_size='started_count',
        null_reason="case when not is_complete_month then 'month_incomplete' end",
    ) }}
)

select * from final
