with metric_nrr_monthly as (
    select * from {{ ref('metric_nrr_monthly') }}
),

metric_nrr as (
    select * from {{ ref('metric_nrr') }}
),

-- A zero has no logarithm: any zero makes the product zero.
products as (
    select
        metric_nrr.month,
        metric_nrr.segment_type,
        metric_nrr.segment_value,
        metric_nrr.sample_size,
        count(metric_nrr_monthly.value) as month_count,
        min(metric_nrr_monthly.numerator) as lowest_numerator,
        sum(
            ln({{ approximate('nullif(metric_nrr_monthly.numerator, 0)') }})
            - ln({{ approximate('nullif(metric_nrr_monthly.denominator, 0)') }})
        ) as log_product
    from metric_nrr
    left join metric_nrr_monthly
        on
            metric_nrr.segment_type = metric_nrr_monthly.segment_type
            and metric_nrr.segment_value = metric_nrr_monthly.segment_value
            and metric_nrr.month >= metric_nrr_monthly.month
            and {{ add_months('metric_nrr.month', -12) }} < metric_nrr_monthly.month
    group by metric_nrr.month, metric_nrr.segment_type, metric_nrr.segment_value, metric_nrr.sample_size
),

final as (
    select
        'nrr_compounded' as metric_key,
        month,
        segment_type,
        segment_value,
        cast(null as decimal(38, 4)) as numerator,
        cast(null as decimal(38, 4)) as denominator,
        case
            when month_count < 12 then null
            when lowest_numerator = 0 then 0
            else {{ from_approximate('exp(log_product)') }}
        end as value,
        sample_size,
        case when month_count < 12 then 'missing_month' end as null_reason
    from products
)

select * from final
