with int_item_months as (
    select * from {{ ref('int_item_months') }}
),

int_account_closings as (
    select * from {{ ref('int_account_closings') }}
),

int_paid_spans as (
    select * from {{ ref('int_paid_spans') }}
),

stg_subscriptions as (
    select * from {{ ref('stg_subscriptions') }}
),

dim_months as (
    select * from {{ ref('dim_months') }}
),

service_ends as (
    select
        subscription_id,
        max(to_at) as ended_at
    from int_paid_spans
    group by subscription_id
),

-- Of the subscriptions with MRR at the end of the month before, the one whose service ended last.
last_subscriptions as (
    select
        int_item_months.account_id,
        int_item_months.subscription_id,
        dim_months.month_index,
        dim_months.month,
        row_number() over (
            partition by int_item_months.account_id, dim_months.month
            order by
                service_ends.ended_at desc,
                int_item_months.subscription_id desc,
                int_item_months.subscription_item_id asc
        ) as recency
    from int_item_months
    inner join dim_months on int_item_months.month_index + 1 = dim_months.month_index
    inner join service_ends on int_item_months.subscription_id = service_ends.subscription_id
    left join int_account_closings
        on
            int_item_months.account_id = int_account_closings.account_id
            and dim_months.month_index = int_account_closings.month_index
    where
        int_item_months.mrr > 0
        and coalesce(int_account_closings.closing_mrr, 0) = 0
        and service_ends.ended_at is not null
),

final as (
    select
        last_subscriptions.account_id,
        case
            when int_account_closings.has_paused_items then 'pause'
            else coalesce(stg_subscriptions.cancel_kind, 'unknown')
        end as churn_reason,
        stg_subscriptions.cancel_reason,
        last_subscriptions.month
    from last_subscriptions
    inner join stg_subscriptions on last_subscriptions.subscription_id = stg_subscriptions.subscription_id
    left join int_account_closings
        on
            last_subscriptions.account_id = int_account_closings.account_id
            and last_subscriptions.month = int_account_closings.month
    where last_subscriptions.recency = 1
)

select * from final
