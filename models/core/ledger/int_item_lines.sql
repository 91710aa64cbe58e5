with pieces as (
    select * from {{ ref('int_version_pieces') }}
),

versions as (
    select * from {{ ref('stg_subscription_item_versions') }}
),

stg_subscriptions as (
    select * from {{ ref('stg_subscriptions') }}
),

stg_products as (
    select * from {{ ref('stg_products') }}
),

int_version_ends as (
    select * from {{ ref('int_version_ends') }}
),

int_subscription_ends as (
    select * from {{ ref('int_subscription_ends') }}
),

-- MRR is amount x monthly_numerator / monthly_denominator; amounts are whole numbers of 10^-8, rounded nowhere yet. A
-- price with more than four decimals makes both parts of the factor larger.
lines as (
    select
        versions.*,
        pieces.valid_from as piece_from,
        {{ whole(scaled('versions.unit_amount', 12)) }} as unit_units,
        case when versions.discount_kind = 'recurring' then coalesce(versions.discount_amount, 0) else 0 end
            as discount,
        case versions.billing_interval when 'week' then 52 when 'day' then 365 else 1 end as interval_numerator,
        case versions.billing_interval when 'month' then 1 else 12 end * versions.interval_count as interval_denominator
    from pieces
    inner join versions on pieces.item_version_id = versions.item_version_id
),

unit_scales as (
    select
        lines.*,
        cast(
            case
                when unit_units % 100000000 = 0 then 1
                when unit_units % 10000 = 0 then 10000
                else 100000000
            end as bigint
        ) as unit_scale
    from lines
),

scales as (
    select
        unit_scales.*,
        {{ integer_divide('unit_units * unit_scale', whole('100000000')) }} as unit_part
    from unit_scales
),

final as (
    select
        stg_subscriptions.account_id,
        scales.item_version_id,
        scales.subscription_item_id,
        scales.subscription_id,
        scales.product_id,
        stg_products.product_family,
        scales.currency,
        stg_products.tier_rank,
        scales.quantity,
        cast(scales.unit_part * scales.interval_numerator as decimal(38, 0)) as unit_numerator,
        cast(
            {{ scaled('scales.quantity', 4) }} * scales.unit_part * scales.interval_numerator as decimal(38, 0)
        ) as list_numerator,
        cast(
            {{ scaled('scales.discount', 8) }} * scales.unit_scale * scales.interval_numerator as decimal(38, 0)
        ) as discount_numerator,
        cast(scales.interval_numerator as bigint) * scales.unit_scale as monthly_numerator,
        cast(scales.interval_denominator as bigint) * scales.unit_scale as monthly_denominator,
        greatest(scales.piece_from, stg_subscriptions.started_at) as from_at,
        least(int_version_ends.valid_to, int_subscription_ends.ended_at) as to_at
    from scales
    inner join stg_subscriptions on scales.subscription_id = stg_subscriptions.subscription_id
    inner join stg_products on scales.product_id = stg_products.product_id
    left join int_version_ends
        on scales.item_version_id = int_version_ends.item_version_id and scales.piece_from = int_version_ends.valid_from
    left join int_subscription_ends on scales.subscription_id = int_subscription_ends.subscription_id
    where
        stg_products.is_recurring
        and not stg_products.is_metered
        and not stg_subscriptions.is_never_started
)

select * from final
