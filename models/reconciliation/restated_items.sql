-- Locked item months beside today's: which of the two is missing, and what else is another one today, says why.
{% set inputs = ['product_id', 'billing_interval', 'currency', 'interval_count', 'quantity'] %}

with closes as (
    select * from {{ source('state', 'closes') }}
    where is_in_force
),

live as (
    select * from {{ ref('item_months') }}
    where month in (select closes.month from closes)
),

terms as (
    select
        item_version_id,
        min(from_at) as from_at,
        case when count(*) = count(to_at) then max(to_at) end as to_at
    from {{ ref('int_item_terms') }}
    group by item_version_id
),

compared as (
    select
        closes.month,
        closes.entry_number,
        coalesce(live.subscription_item_id, locked.subscription_item_id) as subscription_item_id,
        coalesce(live.item_version_id, locked.item_version_id) as item_version_id,
        locked.account_id as locked_account_id,
        live.account_id as live_account_id,
        coalesce(locked.mrr, 0) as locked_mrr,
        coalesce(live.mrr, 0) as live_mrr,
        case
            when locked.item_version_id is null and live.renewed_on <= closes.as_of_date
                and closes.policy_version <> settings.policy_version then 'policy'
            when locked.item_version_id is null and (
                live.renewed_on is not null
                or known.item_version_id is null
                or (known.entry_number > closes.entry_number and known.service_from_at = live.service_from_at)
            ) then 'late_data'
            when locked.item_version_id is null then 'backdated_change'
            when versions.item_version_id is null and live.item_version_id is null then 'deletion'
            when versions.item_version_id is null then 'correction'
            when roots.is_excluded then 'hierarchy'
            when not products.is_recurring or products.is_metered then 'correction'
            when locked.item_version_id <> live.item_version_id or locked.is_paused <> live.is_paused
                then 'backdated_change'
            {% for input in inputs + ['discount_amount'] %}
            when locked.{{ input }} <> live.{{ input }} then 'correction'
            {% endfor %}
            when locked.unit_amount <> cast(live.unit_amount as decimal(18, 4)) then 'correction'
            when locked.plan_rate <> live.plan_rate then 'fx'
            -- What is locked of a price are four decimals.
            when live.unit_amount <> cast(live.unit_amount as decimal(18, 4)) then 'correction'
            when live.item_version_id is null and (
                terms.item_version_id is null
                or locked.service_from_at <> terms.from_at
                or coalesce(locked.service_end_at, cast('1970-01-01' as timestamp))
                <> coalesce(terms.to_at, cast('1970-01-01' as timestamp))
            ) then 'backdated_change'
            when live.item_version_id is null and renewals.subscription_id is not null then 'backdated_change'
            when closes.policy_version <> settings.policy_version then 'policy'
            when live.item_version_id is null and locked.renewed_on is not null then 'backdated_change'
            else 'unexplained'
        end as reason
    from {{ source('state', 'closed_item_months') }} as locked
    full outer join live on locked.subscription_item_id = live.subscription_item_id and locked.month = live.month
    inner join closes on closes.month = coalesce(locked.month, live.month)
    cross join {{ ref('stg_run_settings') }} as settings
    left join {{ source('state', 'known_item_versions') }} as known on live.item_version_id = known.item_version_id
    left join {{ ref('stg_subscription_item_versions') }} as versions
        on locked.item_version_id = versions.item_version_id
    left join terms on locked.item_version_id = terms.item_version_id
    left join {{ ref('int_renewals') }} as renewals
        on versions.subscription_id = renewals.subscription_id and not renewals.is_after_end
    left join {{ ref('stg_products') }} as products on versions.product_id = products.product_id
    left join {{ ref('stg_subscriptions') }} as sold on versions.subscription_id = sold.subscription_id
    left join {{ ref('int_account_roots') }} as roots on sold.account_id = roots.account_id
    where
        coalesce(locked.mrr, 0) <> coalesce(live.mrr, 0)
        or coalesce(locked.account_id, '-') <> coalesce(live.account_id, '-')
),

-- An item that stands with another customer today takes its locked MRR along; what else differs has its own cause.
final as (
    {% for account, amount, reason, condition in [
        ('locked_account_id', '-locked_mrr', "'hierarchy'", 'locked_account_id <> live_account_id'),
        ('live_account_id', 'locked_mrr', "'hierarchy'", 'locked_account_id <> live_account_id'),
        ('coalesce(live_account_id, locked_account_id)', 'live_mrr - locked_mrr', 'reason', 'true'),
    ] %}
    select
        {{ account }} as account_id, month, subscription_item_id, item_version_id, {{ reason }} as reason, entry_number,
        cast({{ amount }} as decimal(18, 4)) as difference_mrr
    from compared
    where {{ condition }} and {{ amount }} <> 0
    {{ 'union all' if not loop.last }}
    {% endfor %}
)

select * from final
