with raw_rows as (
    select * from {{ source('raw', 'subscription_item_versions') }}
),

stg_run_settings as (
    select * from {{ ref('stg_run_settings') }}
),

currencies as (
    select * from {{ ref('currencies') }}
),

stg_subscriptions as (
    select * from {{ ref('stg_subscriptions') }}
),

stg_products as (
    select * from {{ ref('stg_products') }}
),

-- A version that is not known yet neither replaces nor contradicts one that is.
known as (
    select
        raw_rows.*,
        coalesce({{ local_date('raw_rows.recorded_at', 'settings.time_zone') }} <= settings.as_of_date, true)
            as is_known
    from raw_rows
    cross join stg_run_settings as settings
),

standing as (
    select
        known.*,
        {{ copy_number('subscription_item_versions') }} as copy_number,
        {{ key_standing(
            'subscription_item_versions', ['item_version_id', 'is_known'], ['_updated_at', 'recorded_at']
        ) }} as key_standing
    from known
),

judged_alone as (
    select
        standing.*,
        case
            when standing.key_standing in ('duplicate', 'deleted') then standing.key_standing
            {{ value_rules('subscription_item_versions') }}
            when standing.key_standing = 'conflicting_key' then 'conflicting_key'
            when standing.valid_to < standing.valid_from and not coalesce(stg_subscriptions.is_never_started, false)
                then 'end_before_start'
            {{ amount_rules('subscription_item_versions', besides=['interval_count']) }}
            when standing.interval_count < 1 then 'interval_below_one'
            when standing.discount_kind = 'recurring'
                and standing.discount_amount > {{ line_amount('standing') }} then 'discount_above_line'
            when {{ line_amount('standing') }} > 1000000000000 or standing.interval_count > 3660 then 'too_large'
            when currencies.currency is null then 'unknown_currency'
            when stg_subscriptions.subscription_id is null then 'unknown_subscription'
            when stg_products.product_id is null then 'unknown_product'
            when greatest(standing.valid_from, stg_subscriptions.started_at) < cast('1980-01-01' as timestamp)
                then 'too_far_in_the_past'
        end as own_rule
    from standing
    cross join stg_run_settings as settings
    left join currencies on standing.currency = currencies.currency
    left join stg_subscriptions on standing.subscription_id = stg_subscriptions.subscription_id
    left join stg_products on standing.product_id = stg_products.product_id
),

-- Of versions that overlap, the one recorded later counts; those that nothing orders are all rejected. Empty ones
-- overlap nothing.
overlap_checks as (
    select
        item_version_id,
        is_known,
        {{
            overlap_rule('subscription_item_id, recorded_at', 'item_version_id', 'overlapping_versions')
        }} as overlap_rule
    from judged_alone
    where own_rule is null and is_known and (valid_to is null or valid_from < valid_to)
),

final as (
    select
        judged_alone.*,
        coalesce(judged_alone.own_rule, overlap_checks.overlap_rule) as rejection_rule
    from judged_alone
    left join overlap_checks
        on
            judged_alone.item_version_id = overlap_checks.item_version_id
            and judged_alone.is_known = overlap_checks.is_known
)

select * from final
