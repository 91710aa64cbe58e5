with int_item_months as (
    select * from {{ ref('int_item_months') }}
),

int_item_terms as (
    select * from {{ ref('int_item_terms') }}
),

versions as (
    select * from {{ ref('stg_subscription_item_versions') }}
),

stg_subscriptions as (
    select * from {{ ref('stg_subscriptions') }}
),

dim_months as (
    select * from {{ ref('dim_months') }}
),

settings as (
    select * from {{ ref('stg_run_settings') }}
),

-- An end after the as-of date has not happened. A version that a correction interrupts has several terms.
terms as (
    select
        int_item_terms.item_version_id,
        int_item_terms.from_at,
        {{ local_date('int_item_terms.from_at', 'settings.time_zone') }} as from_on,
        lead({{ local_date('int_item_terms.from_at', 'settings.time_zone') }}) over (
            partition by int_item_terms.item_version_id order by int_item_terms.from_at
        ) as next_from_on,
        case when {{ local_date('int_item_terms.to_at', 'settings.time_zone') }} <= settings.as_of_date
            then int_item_terms.to_at end as to_at,
        {{ local_date('int_item_terms.to_at', 'settings.time_zone') }} as to_on
    from int_item_terms
    cross join settings
),

final as (
    select
        int_item_months.account_id,
        int_item_months.month,
        int_item_months.subscription_item_id,
        int_item_months.item_version_id,
        int_item_months.subscription_id,
        stg_subscriptions.account_id as owner_account_id,
        int_item_months.product_id,
        versions.billing_interval,
        int_item_months.currency,
        versions.interval_count,
        cast(versions.quantity as decimal(18, 4)) as quantity,
        cast(versions.unit_amount as decimal(26, 12)) as unit_amount,
        cast(
            case when versions.discount_kind = 'recurring' then coalesce(versions.discount_amount, 0) else 0 end
            as decimal(18, 4)
        ) as discount_amount,
        cast(int_item_months.plan_rate as decimal(18, 8)) as plan_rate,
        cast(int_item_months.list_mrr as decimal(18, 4)) as list_mrr,
        cast(int_item_months.mrr as decimal(18, 4)) as mrr,
        int_item_months.is_paused,
        terms.from_at as service_from_at,
        terms.to_at as service_end_at,
        versions.recorded_at,
        case when terms.to_on <= dim_months.period_end_on then late_renewals.renewed_on end as renewed_on
    from int_item_months
    inner join dim_months on int_item_months.month = dim_months.month
    inner join terms
        on
            int_item_months.item_version_id = terms.item_version_id
            and dim_months.period_end_on >= terms.from_on
            and (terms.next_from_on is null or dim_months.period_end_on < terms.next_from_on)
    inner join versions on int_item_months.item_version_id = versions.item_version_id
    inner join stg_subscriptions on int_item_months.subscription_id = stg_subscriptions.subscription_id
    left join {{ ref('int_renewals') }} as late_renewals
        on
            int_item_months.subscription_id = late_renewals.subscription_id
            and terms.to_at = late_renewals.ended_at
            and terms.to_at < late_renewals.renewed_at
)

select * from final
