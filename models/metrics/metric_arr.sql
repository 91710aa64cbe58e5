with int_revenue_by_segment as (
    select * from {{ ref('int_revenue_by_segment') }}
),

final as (
    {{ level_rows('arr', 'int_revenue_by_segment', level='12 * closing_mrr', sample_size='paying_customers') }}
)

select * from final
