with int_rejected_lines as (
    select * from {{ ref('int_rejected_lines') }}
    where is_computable
),

dim_months as (
    select * from {{ ref('dim_months') }}
),

int_plan_rates as (
    select * from {{ ref('int_plan_rates') }}
),

settings as (
    select * from {{ ref('stg_run_settings') }}
),

-- Without a plan rate there is nothing to compute.
item_months as (
    select
        int_rejected_lines.customer_id,
        int_rejected_lines.subscription_item_id,
        dim_months.month,
        {{ to_money(
            scaled('int_rejected_lines.net_amount', 8) ~ ' * int_rejected_lines.monthly_numerator * '
            ~ scaled('int_plan_rates.plan_rate', 8),
            'int_rejected_lines.monthly_denominator', 16, 'settings.minor_units',
        ) }} as mrr
    from int_rejected_lines
    inner join dim_months
        on
            int_rejected_lines.from_on <= dim_months.period_end_on
            and (int_rejected_lines.to_on is null or int_rejected_lines.to_on > dim_months.period_end_on)
    inner join int_plan_rates
        on int_rejected_lines.currency = int_plan_rates.currency and dim_months.month_index = int_plan_rates.month_index
    cross join settings
    -- Up to 10^12 in the reporting currency: beyond it nothing can be computed.
    where
        {{ scaled('int_rejected_lines.net_amount', 8) }} * {{ scaled('int_plan_rates.plan_rate', 8) }}
        <= {{ whole('1' ~ '0' * 28) }}
),

-- Rows that contradict each other are one item: the largest counts.
items as (
    select
        customer_id,
        subscription_item_id,
        month,
        max(mrr) as mrr
    from item_months
    group by customer_id, subscription_item_id, month
),

final as (
    select
        customer_id,
        month,
        cast(sum(mrr) as decimal(38, 4)) as rejected_mrr
    from items
    group by customer_id, month
)

select * from final
