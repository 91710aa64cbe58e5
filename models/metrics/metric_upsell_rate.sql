with int_retention_by_segment as (
    select * from {{ ref('int_retention_by_segment') }}
    where window_months = 1
),

final as (
    {{ ratio_rows(
        'upsell_rate',
        'int_retention_by_segment',
        numerator='upsell_customers',
        denominator='opening_customers',
        sample_size='opening_customers',
    ) }}
)

select * from final
