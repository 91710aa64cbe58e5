with int_retention_by_segment as (
    select * from {{ ref('int_retention_by_segment') }}
    where window_months = 12
),

final as (
    {{ ratio_rows(
        'logo_churn_rate_ttm',
        'int_retention_by_segment',
        numerator='lost_customers',
        denominator='opening_customers',
        sample_size='opening_customers',
    ) }}
)

select * from final
