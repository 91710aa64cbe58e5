with settings as (
    select * from {{ ref('stg_run_settings') }}
),

excluded as (
    select count(*) as excluded_accounts
    from {{ ref('int_account_roots') }}
    where is_excluded
),

customers as (
    select count(*) as customers
    from {{ ref('dim_accounts') }}
),

final as (
    select
        settings.build_id,
        settings.policy_version,
        settings.currency,
        settings.time_zone,
        cast(customers.customers as bigint) as customers,
        cast(excluded.excluded_accounts as bigint) as excluded_accounts,
        settings.as_of_date
    from settings
    cross join excluded
    cross join customers
)

select * from final
