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
    select
        max(case when is_stale or is_low_volume then 1 else 0 end) = 1 as is_stale,
        max(
            case
                when table_name in ('usage_events', 'subscriptions', 'subscription_item_versions')
                    then newest_on
            end
        )
            as data_through
    from {{ ref('freshness') }}
),

final as (
    select
        settings.build_id,
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
        freshness.is_stale,
        settings.as_of_date,
        freshness.data_through
    from settings
    cross join excluded
    cross join customers
    cross join row_counts
    cross join coverage
    cross join freshness
)

select * from final
