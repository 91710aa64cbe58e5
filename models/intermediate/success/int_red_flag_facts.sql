with stg_subscriptions as (
    select * from {{ ref('stg_subscriptions') }}
),

int_subscription_ends as (
    select * from {{ ref('int_subscription_ends') }}
),

stg_invoice_lines as (
    select * from {{ ref('stg_invoice_lines') }}
),

int_account_roots as (
    select * from {{ ref('int_account_roots') }}
),

facts as (
    select
        stg_subscriptions.account_id,
        'cancel_requested' as red_flag,
        stg_subscriptions.cancel_requested_on as fact_on,
        stg_subscriptions.cancel_requested_on as known_on,
        int_subscription_ends.ended_on as over_on
    from stg_subscriptions
    left join int_subscription_ends on stg_subscriptions.subscription_id = int_subscription_ends.subscription_id
    where stg_subscriptions.cancel_requested_on is not null

    union all

    select
        account_id,
        'invoice_overdue' as red_flag,
        due_on as fact_on,
        issued_on as known_on,
        paid_on as over_on
    from stg_invoice_lines
    where
        due_on is not null
        and status != 'void'
        and credit_note_of is null
        and amount_ex_tax > 0
        and not (status = 'paid' and paid_on is null)
),

-- From the day it is a fact to the day it is over (not included); nobody knows of a bill before it is issued.
final as (
    select distinct
        int_account_roots.root_account_id as account_id,
        facts.red_flag,
        facts.fact_on,
        facts.known_on,
        coalesce(facts.over_on, cast('9999-12-31' as date)) as over_on
    from facts
    inner join int_account_roots
        on
            facts.account_id = int_account_roots.account_id
            and not int_account_roots.is_excluded
)

select * from final
