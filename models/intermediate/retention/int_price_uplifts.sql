with int_held_pairs as (
    select * from {{ ref('int_held_pairs') }}
),

int_item_months as (
    select * from {{ ref('int_item_months') }}
),

int_plan_rates as (
    select * from {{ ref('int_plan_rates') }}
),

settings as (
    select * from {{ ref('stg_run_settings') }}
),

-- Net lines in native currency x 10^8 x interval factor: today's, and the old one at today's quantity.
priced_pairs as (
    select
        int_held_pairs.account_id,
        now_items.month,
        settings.minor_units,
        {{ whole('now_items.list_numerator') }} - {{ whole('now_items.discount_numerator') }} as now_net,
        {{ scaled('now_items.quantity', 4) }} * {{ whole('then_items.unit_numerator') }}
        - {{ round_half_away(
            scaled('now_items.quantity', 4) ~ ' * '
            ~ integer_divide(whole('then_items.discount_numerator'), 'then_items.monthly_numerator'),
            scaled('then_items.quantity', 4),
        ) }} * then_items.monthly_numerator as then_net,
        {{ scaled('now_items.plan_rate', 8) }} as now_rate,
        {{ scaled('int_plan_rates.plan_rate', 8) }} as then_rate,
        {{ whole('now_items.monthly_denominator') }} as now_denominator,
        {{ whole('then_items.monthly_denominator') }} as then_denominator
    from int_held_pairs
    inner join int_item_months as now_items
        on
            int_held_pairs.account_id = now_items.account_id
            and int_held_pairs.now_item_id = now_items.subscription_item_id
            and int_held_pairs.month_index = now_items.month_index
    inner join int_item_months as then_items
        on
            int_held_pairs.account_id = then_items.account_id
            and int_held_pairs.then_item_id = then_items.subscription_item_id
            and int_held_pairs.month_index = then_items.month_index + 12
            and now_items.product_id = then_items.product_id
    inner join int_plan_rates
        on
            then_items.currency = int_plan_rates.currency
            and now_items.month_index = int_plan_rates.month_index
    cross join settings
    where now_items.quantity > 0 and then_items.quantity > 0
),

uplifts as (
    select
        account_id,
        month,
        {{ money_between(
            'now_net', 'now_rate', 'now_denominator', 'then_net', 'then_rate', 'then_denominator', 'minor_units',
        ) }} as uplift_mrr
    from priced_pairs
),

final as (
    select
        account_id,
        cast(sum(uplift_mrr) as decimal(18, 4)) as price_uplift_mrr,
        month
    from uplifts
    where uplift_mrr > 0
    group by account_id, month
)

select * from final
