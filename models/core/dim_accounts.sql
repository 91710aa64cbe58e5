with stg_accounts as (
    select * from {{ ref('stg_accounts') }}
),

int_account_roots as (
    select * from {{ ref('int_account_roots') }}
),

int_customer_lives as (
    select * from {{ ref('int_customer_lives') }}
),

first_paid_months as (
    select distinct
        account_id,
        first_paid_month
    from {{ ref('int_account_closings') }}
),

final as (
    select
        stg_accounts.account_id,
        stg_accounts.account_name,
        coalesce(stg_accounts.industry, 'unknown') as industry,
        coalesce(stg_accounts.country, 'unknown') as country,
        stg_accounts.billing_currency,
        stg_accounts.employee_count,
        int_customer_lives.started_on,
        int_customer_lives.first_zero_on,
        first_paid_months.first_paid_month
    from stg_accounts
    inner join int_account_roots on stg_accounts.account_id = int_account_roots.account_id
    left join int_customer_lives on stg_accounts.account_id = int_customer_lives.account_id
    left join first_paid_months on stg_accounts.account_id = first_paid_months.account_id
    where
        stg_accounts.account_id = int_account_roots.root_account_id
        and not int_account_roots.is_excluded
)

select * from final
