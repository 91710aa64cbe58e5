with versions as (
    select * from {{ ref('stg_subscription_item_versions') }}
),

stg_subscriptions as (
    select * from {{ ref('stg_subscriptions') }}
),

stg_products as (
    select * from {{ ref('stg_products') }}
),

int_account_roots as (
    select * from {{ ref('int_account_roots') }}
),

int_version_ends as (
    select * from {{ ref('int_version_ends') }}
),

int_subscription_ends as (
    select * from {{ ref('int_subscription_ends') }}
),

settings as (
    select * from {{ ref('stg_run_settings') }}
),

-- MRR is amount x monthly_numerator / monthly_denominator; amounts are whole numbers of 10^-8, rounded nowhere yet.
lines as (
    select
        versions.item_version_id,
        versions.subscription_item_id,
        versions.subscription_id,
        versions.product_id,
        versions.currency,
        versions.quantity,
        {{ scaled('versions.quantity', 4) }} as quantity_units,
        {{ scaled('versions.unit_amount', 4) }} as unit_units,
        {{ scaled(
            "case when versions.discount_kind = 'recurring' then coalesce(versions.discount_amount, 0) else 0 end", 8
        ) }} as discount_units,
        case versions.billing_interval when 'week' then 52 when 'day' then 365 else 1 end as monthly_numerator,
        case versions.billing_interval when 'month' then 1 else 12 end * versions.interval_count as monthly_denominator,
        greatest(versions.valid_from, stg_subscriptions.started_at, stg_subscriptions.trial_ended_at) as from_at,
        least(int_version_ends.valid_to, int_subscription_ends.ended_at) as to_at,
        stg_subscriptions.account_id
    from versions
    inner join stg_subscriptions on versions.subscription_id = stg_subscriptions.subscription_id
    left join int_version_ends on versions.item_version_id = int_version_ends.item_version_id
    left join int_subscription_ends on versions.subscription_id = int_subscription_ends.subscription_id
    where not (stg_subscriptions.status = 'trialing' and stg_subscriptions.trial_ended_at is null)
),

final as (
    select
        int_account_roots.root_account_id as account_id,
        lines.item_version_id,
        lines.subscription_item_id,
        lines.subscription_id,
        lines.product_id,
        stg_products.product_family,
        lines.currency,
        stg_products.tier_rank,
        lines.quantity,
        cast(lines.unit_units * lines.monthly_numerator as decimal(38, 0)) as unit_numerator,
        cast(lines.quantity_units * lines.unit_units * lines.monthly_numerator as decimal(38, 0)) as list_numerator,
        cast(lines.discount_units * lines.monthly_numerator as decimal(38, 0)) as discount_numerator,
        cast(lines.monthly_numerator as bigint) as monthly_numerator,
        cast(lines.monthly_denominator as bigint) as monthly_denominator,
        lines.from_at,
        lines.to_at
    from lines
    inner join stg_products on lines.product_id = stg_products.product_id
    inner join int_account_roots on lines.account_id = int_account_roots.account_id
    cross join settings
    where
        stg_products.is_recurring
        and not stg_products.is_metered
        and not int_account_roots.is_excluded
        and (lines.to_at is null or lines.from_at < lines.to_at)
        and {{ local_date('lines.from_at', 'settings.time_zone') }} <= settings.as_of_date
)

select * from final
