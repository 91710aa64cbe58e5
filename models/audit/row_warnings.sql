with stg_subscriptions as (
    select * from {{ ref('stg_subscriptions') }}
),

base_subscriptions as (
    select * from {{ ref('base_subscriptions') }}
),

versions as (
    select * from {{ ref('stg_subscription_item_versions') }}
),

pauses as (
    select distinct subscription_id from {{ ref('stg_subscription_pauses') }}
),

int_subscription_ends as (
    select * from {{ ref('int_subscription_ends') }}
),

int_version_ends as (
    select * from {{ ref('int_version_ends') }}
),

int_late_renewals as (
    select * from {{ ref('int_late_renewals') }}
),

settings as (
    select * from {{ ref('stg_run_settings') }}
),

warnings as (
    select
        'subscriptions' as table_name,
        stg_subscriptions.subscription_id as row_key,
        'paused_without_pause' as warning
    from stg_subscriptions
    left join pauses on stg_subscriptions.subscription_id = pauses.subscription_id
    where stg_subscriptions.status = 'paused' and pauses.subscription_id is null
    union all
    select
        'subscriptions' as table_name,
        base_subscriptions.subscription_id as row_key,
        'unknown_replaced_subscription' as warning
    from base_subscriptions
    inner join stg_subscriptions on base_subscriptions.subscription_id = stg_subscriptions.subscription_id
    where
        base_subscriptions.rejection_rule is null
        and base_subscriptions.replaces_subscription_id is not null
        and stg_subscriptions.replaces_subscription_id is null
    union all
    select
        'subscriptions' as table_name,
        stg_subscriptions.subscription_id as row_key,
        'inclusive_end' as warning
    from stg_subscriptions
    inner join int_subscription_ends on stg_subscriptions.subscription_id = int_subscription_ends.subscription_id
    where stg_subscriptions.ended_at <> int_subscription_ends.ended_at
    union all
    select
        'subscription_item_versions' as table_name,
        versions.item_version_id as row_key,
        'inclusive_end' as warning
    from versions
    inner join int_version_ends on versions.item_version_id = int_version_ends.item_version_id
    where versions.valid_to <> int_version_ends.valid_to
    union all
    select
        'subscriptions' as table_name,
        subscription_id as row_key,
        'late_renewal' as warning
    from int_late_renewals
),

final as (
    select
        warnings.table_name,
        warnings.row_key,
        warnings.warning,
        settings.build_id as build
    from warnings
    cross join settings
)

select * from final
