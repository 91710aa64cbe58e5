-- Rejected versions as if they had been accepted, with what is impossible in them left away.
with versions as (
    select * from {{ ref('base_subscription_item_versions') }}
),

int_rejected_claims as (
    select * from {{ ref('int_rejected_claims') }}
),

stg_products as (
    select * from {{ ref('stg_products') }}
),

settings as (
    select * from {{ ref('stg_run_settings') }}
),

lost_keys as (
    select distinct item_version_id
    from versions
    where rejection_rule not in ('duplicate', 'deleted') and is_known
),

-- With the older versions of a key whose latest is rejected: they may still tell what it carried.
lost_versions as (
    select
        versions.*,
        int_rejected_claims.customer_id,
        greatest(versions.valid_from, int_rejected_claims.started_at, int_rejected_claims.trial_ended_at) as from_at,
        least(
            case
                when versions.valid_to >= versions.valid_from
                    then coalesce(
                        {{ next_midnight_when_inclusive('versions.valid_to', 'settings.time_zone') }}, versions.valid_to
                    )
            end,
            int_rejected_claims.ended_at
        ) as to_at,
        abs({{ line_amount('versions') }}) as line_amount,
        settings.time_zone
    from versions
    inner join lost_keys on versions.item_version_id = lost_keys.item_version_id
    inner join int_rejected_claims
        on versions.subscription_id = int_rejected_claims.claimed_id and int_rejected_claims.claimed_by = 'subscription'
    left join stg_products on versions.product_id = stg_products.product_id
    cross join settings
    where
        versions.is_known
        and versions.rejection_rule <> 'deleted'
        and coalesce(stg_products.is_recurring and not stg_products.is_metered, true)
),

final as (
    select
        customer_id,
        item_version_id,
        coalesce(subscription_item_id, item_version_id) as subscription_item_id,
        currency,
        row_number() over (
            partition by item_version_id order by {{ row_text('subscription_item_versions') }}, copy_number
        ) as row_number_in_key,
        cast(
            case when discount_kind = 'recurring' and discount_amount between 0 and line_amount
                then line_amount - discount_amount else line_amount
            end as decimal(38, 8)
        ) as net_amount,
        case billing_interval when 'week' then 52 when 'day' then 365 else 1 end as monthly_numerator,
        case billing_interval when 'month' then 1 else 12 end * greatest(interval_count, 1) as monthly_denominator,
        coalesce(
            line_amount <= 1000000000000
            and interval_count <= 3660
            and billing_interval in ('day', 'week', 'month', 'year')
            and from_at is not null,
            false
        ) as is_computable,
        {{ local_date('from_at', 'time_zone') }} as from_on,
        {{ local_date('to_at', 'time_zone') }} as to_on
    from lost_versions
)

select * from final
