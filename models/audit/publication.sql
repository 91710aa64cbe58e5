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

row_counts as (
    select
        sum(read) as read_count,
        sum(rejected) as rejected_count
    from {{ ref('row_counts') }}
),

coverage as (
    select
        coalesce(max(customers_recomputed), 0) as recomputed_customers,
        coalesce(max(case when is_sample then 1 else 0 end), 0) = 1 as is_recomputed_sample
    from {{ source('recomputed', 'coverage') }}
),

freshness as (
    select max(case when is_stale or is_low_volume then 1 else 0 end) = 1 as is_stale
    from {{ ref('freshness') }}
),

-- What MRR comes from covers the days before it was delivered. A loader that stamps its rows ran when the newest of
-- both tables was loaded, since either may have had nothing new; files are as old as the older one.
billing as (
    select
        max(case when delivered_by = '_loaded_at' then delivered_on end) as loaded_on,
        min(delivered_on) as delivered_on
    from {{ ref('freshness') }}
    where table_name in ('subscriptions', 'subscription_item_versions')
),

covered as (
    select {{ add_days('coalesce(loaded_on, delivered_on)', -1) }} as covered_on
    from billing
),

final as (
    select
        settings.build_id,
        settings.as_of_date,
        case when covered.covered_on > settings.as_of_date then settings.as_of_date else covered.covered_on end
            as data_through,
        settings.policy_version,
        settings.currency,
        settings.time_zone,
        cast(customers.customers as bigint) as customers,
        cast(excluded.excluded_accounts as bigint) as excluded_accounts,
        cast(row_counts.read_count as bigint) as read_count,
        cast(row_counts.rejected_count as bigint) as rejected_count,
        cast(coverage.recomputed_customers as bigint) as recomputed_customers,
        coverage.is_recomputed_sample,
        settings.accept_rejects as has_accepted_rejects,
        settings.is_simulation,
        freshness.is_stale
    from settings
    cross join excluded
    cross join customers
    cross join row_counts
    cross join coverage
    cross join freshness
    cross join covered
)

select * from final
