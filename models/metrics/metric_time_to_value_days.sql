with int_time_to_value_by_segment as (
    select * from {{ ref('int_time_to_value_by_segment') }}
),

final as (
    select
        cast('time_to_value_days' as {{ dbt.type_string() }}) as metric_key,
        month,
        segment_type,
        segment_value,
        cast(null as decimal(38, 4)) as numerator,
        cast(null as decimal(38, 4)) as denominator,
        cast(case when withheld.withheld_reason is null then median_days end as decimal(38, 10)) as metric_value,
        observed_count as sample_size,
        cast(
            case
                when withheld.withheld_reason is not null then withheld.withheld_reason
                when observed_count = 0 then 'no_customers'
                when median_days is null then 'above_half'
            end as {{ dbt.type_string() }}
        ) as null_reason
    from int_time_to_value_by_segment
    cross join {{ withheld(['onboarding_milestones']) }} as withheld
    where segment_type = 'total' or observed_count > 0
)

select * from final
