with metric_grr_monthly as (
    select * from {{ ref('metric_grr_monthly') }}
),

metric_grr as (
    select * from {{ ref('metric_grr') }}
),

-- A zero has no logarithm: any zero makes the product zero.
products as (
    select
        metric_grr.month,
        metric_grr.segment_type,
        metric_grr.segment_value,
        metric_grr.sample_size,
        count(metric_grr_monthly.value) as month_count,
        min(metric_grr_monthly.numerator) as lowest_numerator,
        sum(
            ln({{ approximate('nullif(metric_grr_monthly.numerator, 0)') }})
            - ln({{ approximate('nullif(metric_grr_monthly.denominator, 0)') }})
        ) as log_product
    from metric_grr
    left join metric_grr_monthly
        on
            metric_grr.segment_type = metric_grr_monthly.segment_type
            and metric_grr.segment_value = metric_grr_monthly.segment_value
            and metric_grr.month >= metric_grr_monthly.month
            and {{ add_months('metric_grr.month', -12) }} < metric_grr_monthly.month
    group by metric_grr.month, metric_grr.segment_type, metric_grr.segment_value, metric_grr.sample_size
),

final as (
    select
        'grr_compounded' as metric_key,
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
