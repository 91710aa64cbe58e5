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

-- What is deleted itself is no loss; a subscription that lives on below a deleted account is.
-- A rejected account belongs to its parent's customer when that one is known, else it is a customer of its own.
owners as (
    select
        base_accounts.account_id,
        coalesce(max(own.root_account_id), max(parents.root_account_id), base_accounts.account_id) as customer_id,
        max(case when own.is_excluded or parents.is_excluded or base_accounts.is_internal then 1 else 0 end) = 1
            as is_left_out,
        max(case when base_accounts.rejection_rule <> 'deleted' then 1 else 0 end) = 1 as is_rejected
    from base_accounts
    left join int_account_roots as own on base_accounts.account_id = own.account_id
    left join int_account_roots as parents on base_accounts.parent_account_id = parents.account_id
    where base_accounts.account_id is not null and coalesce(base_accounts.rejection_rule, 'none') <> 'duplicate'
    group by base_accounts.account_id
),

-- An end before the start is no end, a trial without one does not end.
subscription_rows as (
    select
        subscription_id,
        min(account_id) as account_id,
        min(base_subscriptions.started_at) as started_at,
        min(
            case
                when trial_ended_at is null and status = 'trialing' then cast('9999-12-31' as timestamp)
                when
                    trial_started_at is null
                    and {{ days_between(
                        'cast(base_subscriptions.started_at as date)', 'cast(trial_ended_at as date)',
                    ) }}
                    <= settings.longest_trial_days then trial_ended_at
            end
        ) as trial_ended_at,
        case
            when count(case when ended_at >= base_subscriptions.started_at then 1 end) = count(*) then max(ended_at)
        end as ended_at,
        max(case when rejection_rule <> 'deleted' then 1 else 0 end) = 1 as is_rejected,
        max(case when rejection_rule = 'deleted' then 1 else 0 end) = 1 as is_left_out
    from base_subscriptions
    cross join {{ ref('stg_run_settings') }} as settings
    where coalesce(rejection_rule, 'none') <> 'duplicate'
    group by subscription_id
),

subscription_claims as (
    select subscription_id
    from subscription_rows
    where is_rejected
    union distinct
    select subscription_id
    from base_subscription_item_versions
    where rejection_rule not in ('duplicate', 'deleted') and is_known
),

final as (
    select
        'subscription' as claimed_by,
        subscription_claims.subscription_id as claimed_id,
        coalesce(owners.customer_id, subscription_rows.account_id, subscription_claims.subscription_id) as customer_id,
        subscription_rows.started_at,
        subscription_rows.trial_ended_at,
        subscription_rows.ended_at
    from subscription_claims
    left join subscription_rows on subscription_claims.subscription_id = subscription_rows.subscription_id
    left join owners on subscription_rows.account_id = owners.account_id
    where
        subscription_claims.subscription_id is not null
        and not coalesce(owners.is_left_out, false)
        and not coalesce(subscription_rows.is_left_out, false)
    union all
    select
        'account' as claimed_by,
        account_id as claimed_id,
        customer_id,
        cast(null as timestamp) as started_at,
        cast(null as timestamp) as trial_ended_at,
        cast(null as timestamp) as ended_at
    from owners
    where is_rejected and not is_left_out
)

select * from final
