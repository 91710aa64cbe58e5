with int_rejected_lines as (
    select * from {{ ref('int_rejected_lines') }}
    where is_computable
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

-- The reporting currency counts as it stands; without a plan rate there is nothing to compute.
plan_rates as (
    select
        stg_exchange_rates.base_currency as currency,
        stg_exchange_rates.rate,
        stg_exchange_rates.rate_date
    from stg_exchange_rates
    inner join settings on stg_exchange_rates.quote_currency = settings.currency
    where stg_exchange_rates.rate_type = 'plan' and stg_exchange_rates.base_currency <> settings.currency
    union all
    select
        currency,
        cast(1 as decimal(18, 8)) as rate,
        cast('0001-01-01' as date) as rate_date
    from settings
),

rates as (
    select
        currency,
        rate,
        rate_date as from_on,
        lead(rate_date) over (partition by currency order by rate_date) as to_on
    from plan_rates
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
    inner join rates
        on
            int_rejected_lines.currency = rates.currency
            and dim_months.period_end_on >= rates.from_on
            and (rates.to_on is null or dim_months.period_end_on < rates.to_on)
    cross join settings
    -- Up to 10^12 in the reporting currency: beyond it nothing can be computed.
    where
        {{ scaled('int_rejected_lines.net_amount', 8) }} * {{ scaled('rates.rate', 8) }} <= {{ whole('1' ~ '0' * 28) }}
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
