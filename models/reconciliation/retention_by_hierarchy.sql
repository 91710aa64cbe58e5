-- What every account paid, and whose it was then and is today. Who stands nowhere stands as today.
with balances as (
    select
        subscriptions.account_id,
        items.account_id as root_today_id,
        coalesce(standings.root_account_id, items.account_id) as root_then_id,
        items.month_index,
        items.month,
        sum(items.mrr) as mrr
    from {{ ref('int_item_months') }} as items
    inner join {{ ref('stg_subscriptions') }} as subscriptions on items.subscription_id = subscriptions.subscription_id
    left join {{ ref('int_account_standings') }} as standings
        on subscriptions.account_id = standings.account_id and items.month_index = standings.month_index
    where items.mrr > 0
    group by subscriptions.account_id, items.account_id, standings.root_account_id, items.month_index, items.month
),

-- noqa: disable=LT09, lists of columns side by side show which is which.
{% for basis in ['then', 'today'] %}
paid_{{ basis }} as (
    select distinct root_{{ basis }}_id as root_id, month_index from balances
),

{% endfor %}
-- Who pays at a window's end, and whose account it was at the window's start.
payers as (
    select
        balances.account_id,
        balances.root_today_id,
        coalesce(standings.root_account_id, balances.root_today_id) as root_then_id,
        balances.month_index - windows.window_months as start_index,
        balances.month,
        windows.window_months,
        balances.mrr
    from balances
    cross join (values (1), (12)) as windows (window_months)
    left join {{ ref('int_account_standings') }} as standings
        on balances.account_id = standings.account_id
            and balances.month_index - windows.window_months = standings.month_index
),

-- Accounts that pay now and whose customer of then paid at the window's start, but not that of today, or the reverse.
changes as (
    select
        payers.*,
        case when paid_then.root_id is null then -payers.mrr else payers.mrr end as change_mrr,
        case
            when root_then_id = root_today_id and paid_then.root_id is null then 'members_joined'
            when root_then_id = root_today_id then 'members_left'
            when payers.root_then_id = payers.account_id then 'joined'
            when roots.root_account_id = payers.root_today_id then 'merged'
            when payers.root_today_id = payers.account_id then 'left'
            else 'moved'
        end as cause
    from payers
    inner join {{ ref('int_account_roots') }} as roots on payers.root_then_id = roots.account_id
    {% for basis in ['then', 'today'] %}
    left join paid_{{ basis }}
        on payers.root_{{ basis }}_id = paid_{{ basis }}.root_id and payers.start_index = paid_{{ basis }}.month_index
    {% endfor %}
    where (paid_then.root_id is null) <> (paid_today.root_id is null)
),

-- The cohort's openings are the same on both bases: whoever paid then paid as somebody's account.
both_bases as (
    select account_id, month, window_months, opening_mrr, closing_mrr, 0 as change_mrr, cast(null as varchar) as cause
    from {{ ref('fct_retention_account_months') }}
    union all
    select root_today_id, month, window_months, 0 as opening_mrr, 0 as closing_mrr, change_mrr, cause from changes
),

final as (
    select
        account_id,
        month,
        cast(window_months as bigint) as window_months,
        case when min(cause) = max(cause) then min(cause) when min(cause) is not null then 'several' end as cause,
        cast(sum(opening_mrr) as decimal(18, 4)) as as_was_opening_mrr,
        cast(sum(closing_mrr + change_mrr) as decimal(18, 4)) as as_was_closing_mrr,
        cast(sum(opening_mrr) as decimal(18, 4)) as as_is_opening_mrr,
        cast(sum(closing_mrr) as decimal(18, 4)) as as_is_closing_mrr
    from both_bases
    group by account_id, month, window_months
)

select * from final
