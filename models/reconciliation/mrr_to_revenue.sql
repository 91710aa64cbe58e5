{% set is_breach = 'mrr.is_complete_month and rolled.is_total'
    ~ ' and abs(rolled.day_weighted_mrr - rolled.recognised_amount) > '
    ~ tie_out_tolerance('rolled.day_weighted_mrr') %}
with recurring_revenue as (
    select
        ledger.period as month,
        ledger.currency,
        sum(ledger.amount) as amount
    from {{ ref('stg_revenue_ledger') }} as ledger
    inner join {{ ref('recurring_ledger_accounts') }} as accounts on ledger.ledger_account = accounts.ledger_account
    group by ledger.period, ledger.currency
),

-- Both at the month's plan rates, so that no difference is one of rates.
amounts as (
    select
        month,
        currency,
        sum(day_weighted_mrr) as day_weighted_mrr,
        0 as recognised_amount,
        0 as booked_currencies
    from {{ ref('nrr_evidence') }}
    group by month, currency

    union all

    select
        revenue.month,
        revenue.currency,
        0 as day_weighted_mrr,
        {{ to_money(
            whole(scaled('revenue.amount', 4)) ~ ' * ' ~ scaled('rates.plan_rate', 8), '1', 12, 'settings.minor_units',
        ) }} as recognised_amount,
        1 as booked_currencies
    from recurring_revenue as revenue
    cross join {{ ref('stg_run_settings') }} as settings
    inner join {{ ref('int_plan_rates') }} as rates
        on revenue.currency = rates.currency and revenue.month = rates.month

    union all

    select
        month,
        cast(null as {{ dbt.type_string() }}) as currency,
        0 as day_weighted_mrr,
        0 as recognised_amount,
        0 as booked_currencies
    from {{ ref('dim_months') }}
),

rolled as (
    select
        month,
        currency,
        cast(sum(day_weighted_mrr) as decimal(38, 4)) as day_weighted_mrr,
        case when sum(booked_currencies) > 0 then cast(sum(recognised_amount) as decimal(38, 4)) end
            as recognised_amount,
        grouping(currency) = 1 as is_total
    from amounts
    group by grouping sets ((month, currency), (month))  -- noqa: PRS
),

final as (
    select
        rolled.month,
        rolled.is_total,
        coalesce(rolled.currency, 'total') as currency,
        rolled.day_weighted_mrr,
        rolled.recognised_amount,
        cast(rolled.day_weighted_mrr - rolled.recognised_amount as decimal(38, 4)) as difference_amount,
        cast({{ tie_out_tolerance('rolled.day_weighted_mrr') }} as decimal(38, 4)) as tolerance_amount,
        coalesce({{ is_breach }}, false) as is_breach,
        case when {{ is_breach }} then case when mrr.is_closed then 'error' else 'warn' end end as severity
    from rolled
    cross join {{ ref('stg_run_settings') }} as settings
    cross join (  -- noqa: ST05
        {{ tie_out_bounds('mrr_to_revenue') }}
    ) as bounds
    inner join {{ ref('metric_values') }} as mrr
        on rolled.month = mrr.month and mrr.metric_key = 'mrr' and mrr.segment_type = 'total'
    where rolled.is_total or rolled.currency is not null
)

select * from final
