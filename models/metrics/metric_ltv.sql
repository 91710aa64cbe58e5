with int_lifetimes_by_segment as (
    select * from {{ ref('int_lifetimes_by_segment') }}
),

-- One exact product and one division: ARPA x lifetime x gross margin, which has 8 decimals.
parts as (
    select
        month,
        segment_type,
        segment_value,
        months_numerator * closing_mrr * cast(gross_margin_rate * 100000000 as bigint) as product,
        months_denominator * paying_customers * 100000000 as divisor,
        paying_customers as sample_size,
        coalesce(
            null_reason,
            case when gross_margin_rate is null then coalesce(withheld.withheld_reason, 'no_gross_margin') end
        ) as null_reason
    from int_lifetimes_by_segment
    cross join {{ withheld(['unit_economics']) }} as withheld
),

final as (
    select
        'ltv' as metric_key,
        month,
        segment_type,
        segment_value,
        cast(null as decimal(38, 4)) as numerator,
        cast(null as decimal(38, 4)) as denominator,
        case when null_reason is null then {{ exact_ratio('product', 'divisor') }} end as metric_value,
        sample_size,
        null_reason
    from parts
    where segment_type = 'total' or sample_size > 0
)

select * from final
