with int_retention_by_hierarchy as (
    select * from {{ ref('int_retention_by_hierarchy') }}
),

final as (
    select
        account_id,
        month,
        window_months,
        cause,
        as_was_opening_mrr,
        as_was_closing_mrr,
        as_is_opening_mrr,
        as_is_closing_mrr
    from int_retention_by_hierarchy
)

select * from final
