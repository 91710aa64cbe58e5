with ltv as (
    select * from {{ ref('metric_ltv') }}
    where segment_type = 'total'
),

payback as (
    select * from {{ ref('metric_cac_payback_months') }}
),

-- Cost of a new customer = numerator of the payback / new customers. One division: LTV has 10 decimals.
parts as (
    select
        payback.month,
        ltv.metric_value * 1000000 * payback.sample_size as product,
        payback.numerator * 1000000 as divisor,
        payback.sample_size,
        case
            when payback.numerator is null then payback.null_reason
            when payback.sample_size = 0 then 'no_customers'
            when payback.numerator = 0 then 'no_cost'
            else ltv.null_reason
        end as null_reason
    from payback
    inner join ltv on payback.month = ltv.month
),

final as (
    select
        'ltv_to_cac' as metric_key,
        month,
        'total' as segment_type,
        'total' as segment_value,
        cast(null as decimal(38, 4)) as numerator,
        cast(null as decimal(38, 4)) as denominator,
        case when null_reason is null then {{ exact_ratio('product', 'divisor') }} end as metric_value,
        sample_size,
        null_reason
    from parts
)

select * from final
