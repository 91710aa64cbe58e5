with int_revenue_by_segment as (
    select * from {{ ref('int_revenue_by_segment') }}
),

final as (
    {{ level_rows('new_mrr', 'int_revenue_by_segment', level='new_mrr', sample_size='paying_customers') }}
)

select * from final
