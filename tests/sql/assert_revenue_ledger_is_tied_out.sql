-- A row means that the revenue ledger has rows in a month, and none in an account that the seed
-- recurring_ledger_accounts names: MRR of that month is held against nothing. Finance names its accounts there.
{{ config(severity='warn') }}

select
    stg_revenue_ledger.period as month,
    count(*) as row_count
from {{ ref('stg_revenue_ledger') }} as stg_revenue_ledger
left join {{ ref('recurring_ledger_accounts') }} as accounts
    on stg_revenue_ledger.ledger_account = accounts.ledger_account
group by stg_revenue_ledger.period
having count(accounts.ledger_account) = 0
