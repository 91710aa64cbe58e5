with int_mrr_spans as (
    select * from {{ ref('int_mrr_spans') }}
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
    select distinct
        int_mrr_spans.currency,
        dim_months.month_index,
        dim_months.month,
        dim_months.period_end_on
    from int_mrr_spans
    cross join dim_months
),

dated_rates as (
    select
        currency_months.currency,
        currency_months.month_index,
        stg_exchange_rates.rate,
        row_number() over (
            partition by currency_months.currency, currency_months.month_index
            order by stg_exchange_rates.rate_date desc
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

final as (
    select
        currency_months.currency,
        currency_months.month_index,
        case when currency_months.currency = settings.currency then cast(1 as decimal(18, 8)) else dated_rates.rate end
            as plan_rate,
        currency_months.currency = settings.currency as is_reporting_currency,
        currency_months.month
    from currency_months
    cross join settings
    left join dated_rates
        on
            currency_months.currency = dated_rates.currency
            and currency_months.month_index = dated_rates.month_index
            and dated_rates.recency = 1
)

select * from final
