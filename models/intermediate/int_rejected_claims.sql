-- What rejected accounts, subscriptions and item versions lay claim to: nothing that is internal or was deleted.
with base_accounts as (
    select * from {{ ref('base_accounts') }}
),

base_subscriptions as (
    select * from {{ ref('base_subscriptions') }}
),

base_subscription_item_versions as (
    select * from {{ ref('base_subscription_item_versions') }}
),

int_account_roots as (
    select * from {{ ref('int_account_roots') }}
),

rejected_accounts as (
    select
        account_id,
        min(parent_account_id) as parent_account_id,
        max(case when is_internal or rejection_rule = 'deleted' then 1 else 0 end) = 1 as is_left_out
    from base_accounts
    where rejection_rule <> 'duplicate' and account_id is not null
    group by account_id
),

-- A rejected account belongs to its parent's customer when that one is known, else it is a customer of its own.
account_customers as (
    select account_id, root_account_id as customer_id, is_excluded as is_left_out, false as is_rejected
    from int_account_roots
    union all
    select
        rejected_accounts.account_id,
        coalesce(int_account_roots.root_account_id, rejected_accounts.account_id),
        rejected_accounts.is_left_out or coalesce(int_account_roots.is_excluded, false),
        true
    from rejected_accounts
    left join int_account_roots on rejected_accounts.parent_account_id = int_account_roots.account_id
),

-- An end before the start is no end, a trial without an end has none.
subscription_rows as (
    select
        subscription_id,
        min(account_id) as account_id,
        min(started_at) as started_at,
        min(coalesce(trial_ended_at, case when status = 'trialing' then cast('9999-12-31' as timestamp) end))
            as trial_ended_at,
        case when count(case when ended_at >= started_at then 1 end) = count(*) then max(ended_at) end as ended_at,
        max(case when rejection_rule <> 'deleted' then 1 else 0 end) = 1 as is_rejected,
        max(case when rejection_rule = 'deleted' then 1 else 0 end) = 1 as is_left_out
    from base_subscriptions
    where rejection_rule is null or rejection_rule <> 'duplicate'
    group by subscription_id
),

subscription_claims as (
    select subscription_id from subscription_rows where is_rejected
    union distinct
    select subscription_id from base_subscription_item_versions
    where rejection_rule not in ('duplicate', 'deleted') and is_known
),

final as (
    select
        'subscription' as claimed_by,
        subscription_claims.subscription_id as claimed_id,
        coalesce(
            account_customers.customer_id, subscription_rows.account_id, subscription_claims.subscription_id
        ) as customer_id,
        subscription_rows.started_at,
        subscription_rows.trial_ended_at,
        subscription_rows.ended_at
    from subscription_claims
    left join subscription_rows on subscription_claims.subscription_id = subscription_rows.subscription_id
    left join account_customers on subscription_rows.account_id = account_customers.account_id
    where
        subscription_claims.subscription_id is not null
        and not coalesce(account_customers.is_left_out, false)
        and not coalesce(subscription_rows.is_left_out, false)
    union all
    select 'account', account_id, customer_id, cast(null as timestamp), cast(null as timestamp), cast(null as timestamp)
    from account_customers
    where is_rejected and not is_left_out
)

select * from final
