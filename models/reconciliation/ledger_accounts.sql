with stg_revenue_ledger as (
    select * from {{ ref('stg_revenue_ledger') }}
),

recurring_ledger_accounts as (
    select * from {{ ref('recurring_ledger_accounts') }}
),

final as (
    select
        stg_revenue_ledger.ledger_account,
        max(case when accounts.ledger_account is not null then 1 else 0 end) = 1 as is_recurring,
        count(*) as row_count,
        min(stg_revenue_ledger.period) as first_month,
        max(stg_revenue_ledger.period) as last_month
    from stg_revenue_ledger
    left join recurring_ledger_accounts as accounts on stg_revenue_ledger.ledger_account = accounts.ledger_account
    cross join {{ ref('stg_run_settings') }} as settings
    where stg_revenue_ledger.period <= settings.as_of_date
    group by stg_revenue_ledger.ledger_account
)

select * from final
