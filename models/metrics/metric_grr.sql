with int_retention_by_segment as (
    select * from {{ ref('int_retention_by_segment') }}
    where window_months = 12
),

final as (
    {{ ratio_rows(
        'grr',
        'int_retention_by_segment',
        numerator='retained_mrr',
        denominator='opening_mrr',
        sample_size='opening_customers',
    ) }}
)

select * from final
