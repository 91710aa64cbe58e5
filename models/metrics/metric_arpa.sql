with int_revenue_by_segment as (
    select * from {{ ref('int_revenue_by_segment') }}
),

final as (
    {{ ratio_rows(
        'arpa',
        'int_revenue_by_segment',
        numerator='closing_mrr',
        denominator='paying_customers',
        sample_size='paying_customers',
    ) }}
)

select * from final
