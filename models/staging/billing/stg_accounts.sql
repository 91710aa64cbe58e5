{{ config(materialized='view') }}

with base_accounts as (
    select * from {{ ref('base_accounts') }}
),

final as (
    select
        base_accounts.account_id,
        base_accounts.parent_account_id,
        base_accounts.account_name,
        base_accounts.industry,
        base_accounts.country,
        base_accounts.billing_currency,
        base_accounts.employee_count,
        base_accounts.is_internal,
        base_accounts.created_at
    from base_accounts
    where base_accounts.rejection_rule is null
)

select * from final
