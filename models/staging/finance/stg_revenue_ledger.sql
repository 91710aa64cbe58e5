{{ config(materialized='view') }}

with base_revenue_ledger as (
    select * from {{ ref('base_revenue_ledger') }}
),

final as (
    select
        base_revenue_ledger.ledger_account,
        base_revenue_ledger.currency,
        base_revenue_ledger.amount,
        base_revenue_ledger.period
    from base_revenue_ledger
    where base_revenue_ledger.rejection_rule is null
)

select * from final
