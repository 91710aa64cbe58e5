with int_time_to_value_days as (
    select * from {{ ref('int_time_to_value_days') }}
),

-- At risk on a day: who is observed that long. Kaplan and Meier multiply (at risk - reached) / at risk over the days.
at_risk as (
    select
        int_time_to_value_days.*,
        sum(observed_count) over longest_first as at_risk_count
    from int_time_to_value_days
    window longest_first as (
        partition by month, segment_type, segment_value
        order by days desc
        rows between unbounded preceding and current row
    )
),

curves as (
    select
        at_risk.*,
        max(case when reached_count > 0 and reached_count = at_risk_count then 1 else 0 end) over shortest_first
            as is_exhausted,
        sum(
            case
                when reached_count > 0 and reached_count < at_risk_count
                    then
                        ln({{ approximate('at_risk_count - reached_count') }})
                        - ln({{ approximate('at_risk_count') }})
                else {{ approximate('0') }}
            end
        ) over shortest_first as log_share_open
    from at_risk
    window shortest_first as (
        partition by month, segment_type, segment_value
        order by days asc
        rows between unbounded preceding and current row
    )
),

-- A sum of logarithms may miss an exact half by its last digits.
final as (
    select
        segment_type,
        segment_value,
        cast(sum(observed_count) as bigint) as observed_count,
        min(
            case
                when
                    reached_count > 0
                    and (is_exhausted = 1 or log_share_open <= ln({{ approximate('0.5') }}) + 0.000000001)
                    then days
            end
        ) as median_days,
        month
    from curves
    group by month, segment_type, segment_value
)

select * from final
