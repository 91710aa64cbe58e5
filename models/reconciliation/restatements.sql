with closes as (
    select * from {{ source('state', 'closes') }}
    where is_in_force
),

restatement_log as (
    select
        close_number,
        account_id,
        month,
        reason,
        min(build_id) as build_id,
        min(seen_at) as seen_at
    from {{ source('state', 'restatement_log') }}
    group by close_number, account_id, month, reason
),

account_months as (
    select
        coalesce(locked.account_id, live.account_id) as account_id,
        closes.month,
        closes.entry_number,
        coalesce(locked.closing_mrr, 0) as closed_mrr,
        coalesce(live.closing_mrr, 0) as live_mrr
    from {{ source('state', 'closed_account_months') }} as locked
    full outer join {{ ref('fct_account_months') }} as live
        on locked.account_id = live.account_id and locked.month = live.month
    inner join closes on closes.month = coalesce(locked.month, live.month)
),

-- What the items leave over of a customer's difference has no cause that is known.
differences as (
    {% for relation, reason, amount, item_count in [
        (ref('restated_items'), 'reason', 'difference_mrr', 1),
        (ref('restated_items'), "'unexplained'", '-difference_mrr', 0),
        ('account_months', "'unexplained'", 'live_mrr - closed_mrr', 0),
    ] %}
    select
        account_id,
        month,
        {{ reason }} as reason,
        {{ amount }} as difference_mrr,
        {{ item_count }} as item_count
    from {{ relation }}
    {{ 'union all' if not loop.last }}
    {% endfor %}
),

restated as (
    select
        account_id,
        month,
        reason,
        sum(difference_mrr) as difference_mrr,
        sum(item_count) as item_count
    from differences
    group by account_id, month, reason
    having sum(difference_mrr) <> 0
),

final as (
    select
        restated.account_id,
        restated.month,
        restated.reason,
        account_months.entry_number as close_number,
        cast(account_months.closed_mrr as decimal(18, 4)) as closed_mrr,
        cast(account_months.live_mrr as decimal(18, 4)) as live_mrr,
        cast(restated.difference_mrr as decimal(18, 4)) as difference_mrr,
        cast(restated.item_count as bigint) as item_count,
        coalesce(restatement_log.seen_at, settings.started_at) as first_seen_at,
        coalesce(restatement_log.build_id, settings.build_id) as first_seen_build_id
    from restated
    cross join {{ ref('stg_run_settings') }} as settings
    inner join account_months
        on restated.account_id = account_months.account_id and restated.month = account_months.month
    left join restatement_log
        on
            restated.account_id = restatement_log.account_id
            and restated.month = restatement_log.month
            and restated.reason = restatement_log.reason
            and account_months.entry_number = restatement_log.close_number
)

select * from final
