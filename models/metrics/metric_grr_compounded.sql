with int_compounded_retention as (
    select * from {{ ref('int_compounded_retention') }}
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
            when lowest_retained_mrr = 0 then 0
            else {{ from_approximate('exp(retained_log_product)') }}
        end as metric_value,
        sample_size,
        case when month_count < 12 then 'missing_month' end as null_reason
    from int_compounded_retention
)

select * from final
