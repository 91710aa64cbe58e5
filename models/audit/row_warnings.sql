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

pieces as (
    select * from {{ ref('int_version_pieces') }}
),

int_trials as (
    select * from {{ ref('int_trials') }}
),

int_renewals as (
    select * from {{ ref('int_renewals') }}
),

settings as (
    select * from {{ ref('stg_run_settings') }}
),

-- A correction that holds in all of a version's time leaves nothing of it.
superseded_versions as (
    select item_version_id from pieces
    where is_superseded
    union distinct
    select versions.item_version_id
    from versions
    left join pieces on versions.item_version_id = pieces.item_version_id
    where pieces.item_version_id is null
),

-- A column of plain days is told of once, by its name.
plain_day_ends as (
    select
        'subscriptions' as table_name,
        'ended_at' as row_key,
        max(case when stg_subscriptions.is_end_plain_day then 1 else 0 end) as is_plain,
        max(case when int_subscription_ends.end_reading = 'inclusive_day' then 1 else 0 end) as is_inclusive
    from stg_subscriptions
    left join int_subscription_ends on stg_subscriptions.subscription_id = int_subscription_ends.subscription_id
    union all
    select
        'subscription_item_versions' as table_name,
        'valid_to' as row_key,
        (select max(case when versions.is_to_plain_day then 1 else 0 end) from versions) as is_plain,
        max(case when end_reading = 'inclusive_day' then 1 else 0 end) as is_inclusive
    from int_version_ends
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
        'subscription_replacements' as table_name,
        subscription_id || ' | ' || named_subscription_id as row_key,
        'unknown_replaced_subscription' as warning
    from {{ ref('stg_subscription_replacements') }}
    where replaces_subscription_id is null
    union all
    select
        'subscription_pauses' as table_name,
        held.subscription_id || ' | ' || cast(held.paused_from as {{ dbt.type_string() }}) as row_key,
        'pause_written_twice' as warning
    from {{ ref('base_subscription_pauses') }} as held
    inner join {{ ref('base_subscription_pauses') }} as others
        on held.subscription_id = others.subscription_id and held.paused_from = others.paused_from
    where
        held.rejection_rule is null and others.place_in_key > 1 and not coalesce(others._is_deleted, false)
        and coalesce(others._updated_at, cast('0001-01-01' as timestamp))
        = coalesce(held._updated_at, cast('0001-01-01' as timestamp))
        and coalesce(others.paused_to, cast('9999-12-31' as timestamp))
        <> coalesce(held.paused_to, cast('9999-12-31' as timestamp))
    group by held.subscription_id, held.paused_from
    union all
    select
        'invoice_lines' as table_name,
        invoice_line_id as row_key,
        'inclusive_day' as warning
    from {{ ref('int_invoice_lines') }}
    where is_read_as_day_before
    union all
    select
        'subscriptions' as table_name,
        subscription_id as row_key,
        'never_started' as warning
    from stg_subscriptions
    where is_never_started
    union all
    select
        'subscriptions' as table_name,
        subscription_id as row_key,
        case kind when 'retention_offer' then 'trial_as_retention_offer' else 'trial_without_time' end as warning
    from int_trials
    where kind <> 'trial'
    union all
    select
        'subscriptions' as table_name,
        subscription_id as row_key,
        end_reading as warning
    from int_subscription_ends
    where end_reading <> 'as_written'
    union all
    select
        'subscription_item_versions' as table_name,
        item_version_id as row_key,
        end_reading as warning
    from int_version_ends
    where end_reading <> 'as_written'
    union all
    select
        'subscription_item_versions' as table_name,
        item_version_id as row_key,
        'superseded' as warning
    from superseded_versions
    union all
    select
        table_name,
        row_key,
        'plain_day_ends_read_as_exclusive' as warning
    from plain_day_ends
    where is_plain = 1 and coalesce(is_inclusive, 0) = 0
    union all
    select
        'subscriptions' as table_name,
        replaces_subscription_id || ' | ' || subscription_id as row_key,
        'renewal_before_what_it_renews' as warning
    from {{ ref('int_renewal_links') }}
    where not is_renewal
    union all
    select
        'subscriptions' as table_name,
        subscription_id as row_key,
        case when is_after_end then 'late_renewal' else 'early_renewal' end as warning
    from int_renewals
    where not is_after_end or ended_at < renewed_at
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
