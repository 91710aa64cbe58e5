-- Whose onboarding is overdue: a required step past its due date, or the deadline gone by?
-- Customers who left, who have finished (in time or late) or who have no required step are not listed.
with publication as (
    select * from {{ ref('publication') }}
),

dim_accounts as (
    select * from {{ ref('dim_accounts') }}
),

fct_onboardings as (
    select * from {{ ref('fct_onboardings') }}
),

fct_account_months as (
    select * from {{ ref('fct_account_months') }}
),

final as (
    select
        fct_onboardings.account_id,
        dim_accounts.account_name,
        fct_onboardings.onboarding_status,
        fct_onboardings.completed_count,
        fct_onboardings.required_count,
        fct_onboardings.overdue_count,
        {{ days_between('publication.as_of_date', 'fct_onboardings.deadline_on') }} as days_to_deadline,
        fct_account_months.closing_mrr as mrr,
        -- True: every step is done, only the first use of their own is missing.
        fct_onboardings.completed_on is not null as is_waiting_for_use,
        fct_onboardings.started_on,
        fct_onboardings.deadline_on
    from fct_onboardings
    cross join publication
    inner join dim_accounts on fct_onboardings.account_id = dim_accounts.account_id
    inner join fct_account_months
        on
            fct_onboardings.account_id = fct_account_months.account_id
            and fct_account_months.month = {{ month_start('publication.as_of_date') }}
    where
        fct_onboardings.onboarding_status = 'past_deadline'
        or (fct_onboardings.onboarding_status = 'open' and fct_onboardings.overdue_count > 0)
)

select * from final
order by deadline_on desc, account_id asc
