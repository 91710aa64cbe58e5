-- Customers with a rejected account, subscription or item version hold so much MRR, or are so many of whom nobody can
-- say what they hold, that their loss would pass for churn. Whoever delivers the billing tables acts; KEIZOKU_ACCEPT_REJECTS=1 publishes all the same.

with mrr_at_stake as (
    select * from {{ ref('mrr_at_stake') }}
),

reject_limits as (
    select * from {{ ref('reject_limits') }}
),

quarantined_rows as (
    select * from {{ ref('quarantined_rows') }}
),

settings as (
    select * from {{ ref('stg_run_settings') }}
),

exceeded as (
    select
        mrr_at_stake.month,
        mrr_at_stake.mrr_at_stake,
        {{ exact_ratio('mrr_at_stake.mrr_at_stake', 'mrr_at_stake.closing_mrr + mrr_at_stake.rejected_mrr') }} as share,
        mrr_at_stake.rejected_mrr,
        mrr_at_stake.customers_at_stake,
        mrr_at_stake.unvalued_customers,
        mrr_at_stake.customers
    from mrr_at_stake
    cross join settings
    inner join reject_limits on reject_limits.table_name = '*'
    where
        not settings.accept_rejects
        and (
            mrr_at_stake.mrr_at_stake
            > reject_limits.max_mrr_share * (mrr_at_stake.closing_mrr + mrr_at_stake.rejected_mrr)
            or mrr_at_stake.unvalued_customers > reject_limits.max_mrr_share * mrr_at_stake.customers
        )
),

billing_rows as (
    select
        table_name || ' ' || left(row_key, 100) || ' ' || rule as row_words,
        row_number() over (order by table_name, number_in_table) as place
    from quarantined_rows
    where table_name in ('accounts', 'subscriptions', 'subscription_item_versions')
),

sample_rows as (
    select
        {% for place in range(1, 4) %}
        {{ '||' if not loop.first }}
        coalesce(max(case when place = {{ place }} then '{{ '; ' if not loop.first }}' || row_words end), '')  -- noqa: LT05
        {% endfor %}
            as sample_rows
    from billing_rows
)

select
    exceeded.month,
    exceeded.mrr_at_stake,
    cast(exceeded.share as decimal(18, 4)) as share_of_mrr,
    exceeded.rejected_mrr as of_it_not_counted,
    exceeded.customers_at_stake,
    exceeded.unvalued_customers,
    exceeded.customers,
    {% for rule, remedy in [
        ('unknown_account', 'bring the account back, or name the one that it was merged into'),
        ('overlapping_versions', 'give the correction a later recorded_at'),
        ('bad_type', 'write the value as the contract says'),
        ('unknown_currency', 'use the ISO 4217 code'),
    ] %}
    case when (select count(*) from quarantined_rows where rule = '{{ rule }}') > 0
        then '{{ rule }}: {{ remedy }}. ' else '' end {{ '||' if not loop.last }}
    {% endfor %}
    || 'KEIZOKU_ACCEPT_REJECTS=1 publishes all the same' as remedy,
    sample_rows.sample_rows
from exceeded
cross join sample_rows
order by exceeded.share desc, exceeded.month desc
