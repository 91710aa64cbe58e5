with int_retention_by_segment as (
    select * from {{ ref('int_retention_by_segment') }}
),

months as (
    select * from int_retention_by_segment
    where window_months = 1 and opening_mrr > 0
),

years as (
    select * from int_retention_by_segment
    where window_months = 12 and (segment_type = 'total' or opening_customers > 0)
),

-- A zero has no logarithm: any zero makes the product zero, and the lowest month tells.
final as (
    select
        years.month,
        years.segment_type,
        years.segment_value,
        years.opening_customers as sample_size,
        count(months.month) as month_count,
        {% for amount in ['closing', 'retained'] %}
        min(months.{{ amount }}_mrr) as lowest_{{ amount }}_mrr,
        sum(ln({{ approximate('nullif(months.' ~ amount ~ '_mrr, 0)') }}) - ln({{ approximate('months.opening_mrr') }}))
            as {{ amount }}_log_product{{ ',' if not loop.last }}
        {% endfor %}
    from years
    left join months
        on
            years.segment_type = months.segment_type
            and years.segment_value = months.segment_value
            and years.month >= months.month
            and {{ add_months('years.month', -12) }} < months.month
    group by years.month, years.segment_type, years.segment_value, years.opening_customers
)

select * from final
