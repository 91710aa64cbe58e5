with int_renewals_by_segment as (
    select * from {{ ref('int_renewals_by_segment') }}
),

parts as (
    select
        month,
        segment_type,
        segment_value,
        cast(case when is_known then renewed_contracts end as decimal(38, 4)) as numerator,
        cast(case when is_known then ended_contracts end as decimal(38, 4)) as denominator,
        ended_contracts as sample_size,
        case
            when not is_known then 'not_matured'
            when ended_contracts = 0 then 'no_contracts'
        end as null_reason
    from int_renewals_by_segment
),

final as (
    select
        cast('renewal_rate_by_count' as varchar) as metric_key,
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
