with int_revenue_by_segment as (
    select * from {{ ref('int_revenue_by_segment') }}
),

final as (
    {{ level_rows('mrr', 'int_revenue_by_segment', level='closing_mrr', sample_size='paying_customers') }}
)

select * from final
