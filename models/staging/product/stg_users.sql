{{ config(materialized='view') }}

with base_users as (
    select * from {{ ref('base_users') }}
),

final as (
    select
        base_users.user_id,
        base_users.account_id,
        base_users.is_internal,
        base_users.activated_at,
        base_users.deactivated_at
    from base_users
    where base_users.rejection_rule is null
)

select * from final
