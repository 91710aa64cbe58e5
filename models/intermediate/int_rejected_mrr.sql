with int_rejected_lines as (
    select * from {{ ref('int_rejected_lines') }}
),

dim_months as (
    select * from {{ ref('dim_months') }}
),

stg_exchange_rates as (
    select * from {{ ref('stg_exchange_rates') }}
),

settings as (
    select * from {{ ref('stg_run_settings') }}
),

currency_months as (
    select distinct int_rejected_lines.currency, dim_months.month, dim_months.period_end_on
    from int_rejected_lines
    cross join dim_months
),

dated_rates as (
    select
        currency_months.currency,
        currency_months.month,
        stg_exchange_rates.rate,
        row_number() over (
            partition by currency_months.currency, currency_months.month order by stg_exchange_rates.rate_date desc
        ) as recency
    from currency_months
    cross join settings
    inner join stg_exchange_rates
        on
            currency_months.currency = stg_exchange_rates.base_currency
            and settings.currency = stg_exchange_rates.quote_currency
            and currency_months.period_end_on >= stg_exchange_rates.rate_date
    where stg_exchange_rates.rate_type = 'plan'
),

-- In the reporting currency, or at the plan rate of the month; without a rate there is nothing to compute.
rates as (
    select currency, month, rate from dated_rates where recency = 1
    union all
    select currency_months.currency, currency_months.month, cast(1 as decimal(18, 8))
    from currency_months
    inner join settings on currency_months.currency = settings.currency
),

item_months as (
    select
        int_rejected_lines.customer_id,
        int_rejected_lines.subscription_item_id,
        dim_months.month,
        {{ to_money(
            scaled('int_rejected_lines.net_amount', 8) ~ ' * int_rejected_lines.monthly_numerator * '
            ~ scaled('rates.rate', 8),
            'int_rejected_lines.monthly_denominator', 16, 'settings.minor_units',
        ) }} as mrr
    from int_rejected_lines
    inner join dim_months
        on
            int_rejected_lines.from_on <= dim_months.period_end_on
            and (int_rejected_lines.to_on is null or int_rejected_lines.to_on > dim_months.period_end_on)
    inner join rates on int_rejected_lines.currency = rates.currency and dim_months.month = rates.month
    cross join settings
    -- Up to 10^12 in the reporting currency: beyond it nothing can be computed.
    where {{ scaled('int_rejected_lines.net_amount', 8) }} * {{ scaled('rates.rate', 8) }} <= {{ whole('1' ~ '0' * 28) }}
),

-- Rows that contradict each other are one item: the largest counts.
items as (
    select customer_id, subscription_item_id, month, max(mrr) as mrr
    from item_months
    group by customer_id, subscription_item_id, month
),

final as (
    select customer_id, month, cast(sum(mrr) as decimal(38, 4)) as rejected_mrr
    from items
    group by customer_id, month
)

select * from final
