with recursive stg_accounts as (
    select * from {{ ref('stg_accounts') }}
),

lineage as (
    select
        stg_accounts.account_id,
        stg_accounts.account_id as root_account_id,
        stg_accounts.is_internal as is_excluded
    from stg_accounts
    where stg_accounts.parent_account_id is null

    union all

    select
        stg_accounts.account_id,
        lineage.root_account_id,
        lineage.is_excluded or stg_accounts.is_internal as is_excluded
    from stg_accounts
    inner join lineage on stg_accounts.parent_account_id = lineage.account_id
),

final as (
    select
        account_id,
        root_account_id,
        is_excluded
    from lineage
)

select * from final
