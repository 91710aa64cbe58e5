with stg_exchange_rates as (
    select * from {{ ref('stg_exchange_rates') }}
),

-- Of what is sold, of what is held against it, and of what was rejected: whatever a rate was brought for.
currencies_used as (
    select currency from {{ ref('stg_run_settings') }}
    union distinct
    select base_currency as currency from stg_exchange_rates
    union distinct
    select currency from {{ ref('int_item_lines') }}
    {% for table in ['unit_economics', 'contracts', 'invoice_lines', 'revenue_ledger', 'manual_adjustments'] %}
    union distinct
    select currency from {{ ref('stg_' ~ table) }}
    {% endfor %}
),

currency_months as (
    select
        currencies_used.currency,
        currencies_used.currency = settings.currency as is_reporting_currency,
        {{ minor_units_of('currencies.minor_unit_digits') }} as native_minor_units,
        settings.currency as reporting_currency,
        dim_months.month_index,
        dim_months.month,
        dim_months.period_end_on
    from currencies_used
    inner join {{ ref('currencies') }} as currencies on currencies_used.currency = currencies.currency
    cross join {{ ref('dim_months') }} as dim_months
    cross join {{ ref('stg_run_settings') }} as settings
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
    inner join stg_exchange_rates
        on
            currency_months.currency = stg_exchange_rates.base_currency
            and currency_months.reporting_currency = stg_exchange_rates.quote_currency
            and currency_months.period_end_on >= stg_exchange_rates.rate_date
),

rates as (
    select
        currency_months.*,
        {% for rate_type in ['plan', 'month_end'] %}
        case
            when currency_months.is_reporting_currency then cast(1 as decimal(18, 8)) else {{ rate_type }}_rates.rate
        end as {{ rate_type }}_rate{{ ',' if not loop.last }}
        {% endfor %}
    from currency_months
    {% for rate_type in ['plan', 'month_end'] %}
    left join dated_rates as {{ rate_type }}_rates
        on
            currency_months.currency = {{ rate_type }}_rates.currency
            and currency_months.month_index = {{ rate_type }}_rates.month_index
            and {{ rate_type }}_rates.rate_type = '{{ rate_type }}'
            and {{ rate_type }}_rates.recency = 1
    {% endfor %}
),

final as (
    select
        currency,
        month_index,
        plan_rate,
        month_end_rate,
        lead(month_end_rate) over (partition by currency order by month_index) as next_month_end_rate,
        native_minor_units,
        is_reporting_currency,
        month
    from rates
)

select * from final
