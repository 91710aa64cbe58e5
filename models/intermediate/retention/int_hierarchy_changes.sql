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

{% for basis in ['then', 'today'] %}
payers_{{ basis }} as (
    select distinct
        root_{{ basis }}_id as root_id,
        month_index
    from balances
),
{% endfor %}

ends as (
    select
        balances.account_id,
        balances.root_today_id,
        balances.mrr,
        windows.window_months,
        balances.month_index - windows.window_months as start_index,
        balances.month
    from balances
    cross join (values (1), (12)) as windows (window_months)
),

traced as (
    select
        ends.*,
        coalesce(standings.root_account_id, ends.root_today_id) as root_then_id
    from ends
    left join {{ ref('int_account_standings') }} as standings
        on ends.account_id = standings.account_id and ends.start_index = standings.month_index
),

-- Accounts that pay now and whose customer of then paid at the window's start, but not that of today, or the reverse.
changes as (
    select
        traced.*,
        case when payers_then.root_id is null then -traced.mrr else traced.mrr end as change_mrr
    from traced
    {% for basis in ['then', 'today'] %}
    left join payers_{{ basis }}
        on
            traced.root_{{ basis }}_id = payers_{{ basis }}.root_id
            and traced.start_index = payers_{{ basis }}.month_index
    {% endfor %}
    where (payers_then.root_id is null) <> (payers_today.root_id is null)
),

final as (
    select
        changes.account_id,
        changes.root_today_id,
        changes.window_months,
        changes.change_mrr,
        case
            when changes.root_then_id = changes.root_today_id and changes.change_mrr < 0 then 'members_joined'
            when changes.root_then_id = changes.root_today_id then 'members_left'
            when changes.root_then_id = changes.account_id then 'joined'
            when roots.root_account_id = changes.root_today_id then 'merged'
            when changes.root_today_id = changes.account_id then 'left'
            else 'moved'
        end as cause,
        changes.month
    from changes
    inner join {{ ref('int_account_roots') }} as roots on changes.root_then_id = roots.account_id
)

select * from final
