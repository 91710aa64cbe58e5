{{ config(materialized='view') }}

with base_contracts as (
    select * from {{ ref('base_contracts') }}
),

final as (
    select
        base_contracts.contract_id,
        base_contracts.account_id,
        base_contracts.renews_contract_id,
        base_contracts.currency,
        base_contracts.notice_days,
        base_contracts.annual_amount,
        base_contracts.auto_renew,
        base_contracts.start_date,
        base_contracts.end_date
    from base_contracts
    where base_contracts.rejection_rule is null
)

select * from final
