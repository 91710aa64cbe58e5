with int_retention_by_segment as (
    select * from {{ ref('int_retention_by_segment') }}
    where window_months = 1
),

final as (
    {{ ratio_rows(
        'cross_sell_mrr_rate',
        'int_retention_by_segment',
        numerator='cross_sell_mrr',
        denominator='opening_mrr',
        sample_size='opening_customers',
    ) }}
)

select * from final
