with int_lifetimes_by_segment as (
    select * from {{ ref('int_lifetimes_by_segment') }}
),

int_survival_by_segment as (
    select * from {{ ref('int_survival_by_segment') }}
),

settings as (
    select * from {{ ref('stg_run_settings') }}
),

-- One exact product and one division: ARPA x expected months, to 10 decimals, x gross margin, which has 8.
parts as (
    select
        lifetimes.month,
        lifetimes.segment_type,
        lifetimes.segment_value,
        cast(survival.expected_months * 10000000000 as bigint) * lifetimes.closing_mrr
        * cast(lifetimes.gross_margin_rate * 100000000 as bigint) as product,
        lifetimes.paying_customers * {{ whole('1000000000000000000') }} as divisor,
        lifetimes.paying_customers as sample_size,
        case
            when lifetimes.null_reason is not null then lifetimes.null_reason
            when coalesce(survival.life_count, 0) < settings.ltv_minimum_customers then 'too_few_lives'
            when lifetimes.gross_margin_rate is null then coalesce(withheld.withheld_reason, 'no_gross_margin')
        end as null_reason
    from int_lifetimes_by_segment as lifetimes
    cross join settings
    cross join {{ withheld(['unit_economics']) }} as withheld
    left join int_survival_by_segment as survival
        on
            lifetimes.month = survival.month
            and lifetimes.segment_type = survival.segment_type
            and lifetimes.segment_value = survival.segment_value
),

final as (
    select
        'ltv_restricted' as metric_key,
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
