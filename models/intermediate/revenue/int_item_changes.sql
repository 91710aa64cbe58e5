with int_item_pairs as (
    select * from {{ ref('int_item_pairs') }}
),

int_item_months as (
    select * from {{ ref('int_item_months') }}
),

int_plan_rates as (
    select * from {{ ref('int_plan_rates') }}
),

-- Both sides at the rate of the later month; a side without partner has no amounts.
sides as (
    select
        int_item_pairs.account_id,
        int_item_pairs.month,
        int_item_pairs.before_item_id,
        int_item_pairs.after_item_id,
        before_items.product_id as before_product_id,
        before_items.product_family as before_family,
        after_items.product_id as after_product_id,
        after_items.product_family as after_family,
        coalesce(before_items.is_paused, false) as was_paused,
        coalesce(after_items.is_paused, false) as is_paused,
        coalesce(after_items.mrr, 0) as after_mrr,
        {{ scaled('before_items.quantity', 4) }} as before_quantity,
        {{ scaled('after_items.quantity', 4) }} as after_quantity,
        {{ whole('before_items.unit_numerator') }} as before_unit,
        {{ whole('after_items.unit_numerator') }} as after_unit,
        {{ whole('before_items.discount_numerator') }} as before_discount,
        {{ whole('after_items.discount_numerator') }} as after_discount,
        {{ scaled('before_rates.plan_rate', 8) }} as before_rate,
        {{ scaled('after_items.plan_rate', 8) }} as after_rate,
        {{ whole('before_items.monthly_denominator') }} as before_denominator,
        {{ whole('after_items.monthly_denominator') }} as after_denominator,
        settings.minor_units
    from int_item_pairs
    cross join {{ ref('stg_run_settings') }} as settings
    left join int_item_months as before_items
        on
            int_item_pairs.account_id = before_items.account_id
            and int_item_pairs.before_item_id = before_items.subscription_item_id
            and {{ add_months('int_item_pairs.month', -1) }} = before_items.month
    left join int_item_months as after_items
        on
            int_item_pairs.account_id = after_items.account_id
            and int_item_pairs.after_item_id = after_items.subscription_item_id
            and int_item_pairs.month = after_items.month
    left join int_plan_rates as before_rates
        on before_items.currency = before_rates.currency and int_item_pairs.month = before_rates.month
),

final as (
    select
        account_id,
        before_item_id,
        after_item_id,
        before_product_id,
        before_family,
        after_product_id,
        after_family,
        case
            when before_item_id is null or was_paused then 0
            else {{ money_at_rate(
                'before_quantity * before_unit - before_discount', 'before_rate', 'before_denominator', 'minor_units',
            ) }}
        end as before_mrr,
        after_mrr,
        {{ money_between(
            'after_quantity * before_unit', 'before_rate', 'before_denominator',
            'before_quantity * before_unit', 'before_rate', 'before_denominator', 'minor_units',
        ) }} as seat_mrr,
        {{ money_between(
            'after_quantity * after_unit', 'after_rate', 'after_denominator',
            'after_quantity * before_unit', 'before_rate', 'before_denominator', 'minor_units',
        ) }} as unit_price_mrr,
        {{ money_between(
            'before_discount', 'before_rate', 'before_denominator',
            'after_discount', 'after_rate', 'after_denominator', 'minor_units',
        ) }} as discount_mrr,
        was_paused or is_paused as is_pause,
        before_item_id is not null and after_item_id is not null as is_matched,
        month
    from sides
)

select * from final
