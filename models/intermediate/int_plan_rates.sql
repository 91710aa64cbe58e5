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

-- Of what is sold, and of what is held against it.
currencies as (
    select currency from int_mrr_spans
    {% for table in ['contracts', 'invoice_lines', 'revenue_ledger', 'manual_adjustments'] %}
    union
    select currency from {{ ref('stg_' ~ table) }}
    {% endfor %}
),

currency_months as (
    select
        currencies.currency,
        dim_months.month_index,
        dim_months.month,
        dim_months.period_end_on
    from currencies
    cross join dim_months
),

dated_rates as (
    select
        currency_months.currency,
        currency_months.month_index,
        stg_exchange_rates.rate_type,
        stg_exchange_rates.rate,
        row_number() over (
            partition by currency_months.currency, currency_months.month_index, stg_exchange_rates.rate_type
            order by stg_exchange_rates.rate_date desc
        ) as recency
    from currency_months
    cross join settings
    inner join stg_exchange_rates
        on
            currency_months.currency = stg_exchange_rates.base_currency
            and settings.currency = stg_exchange_rates.quote_currency
            and currency_months.period_end_on >= stg_exchange_rates.rate_date
),

final as (
    select
        currency_months.currency,
        currency_months.month_index,
        {% for rate_type in ['plan', 'month_end'] %}
        case
            when currency_months.currency = settings.currency then cast(1 as decimal(18, 8))
            else {{ rate_type }}_rates.rate
        end as {{ rate_type }}_rate,
        {% endfor %}
        currency_months.currency = settings.currency as is_reporting_currency,
        currency_months.month
    from currency_months
    cross join settings
    {% for rate_type in ['plan', 'month_end'] %}
    left join dated_rates as {{ rate_type }}_rates
        on
            currency_months.currency = {{ rate_type }}_rates.currency
            and currency_months.month_index = {{ rate_type }}_rates.month_index
            and {{ rate_type }}_rates.rate_type = '{{ rate_type }}'
            and {{ rate_type }}_rates.recency = 1
    {% endfor %}
)

select * from final
