with revenue as (
    select * from {{ ref('int_revenue_by_segment') }}
    where segment_type = 'total'
),

int_lifetimes_by_segment as (
    select * from {{ ref('int_lifetimes_by_segment') }}
    where segment_type = 'total'
),

dim_months as (
    select * from {{ ref('dim_months') }}
),

settings as (
    select * from {{ ref('stg_run_settings') }}
),

-- Cost of winning customers, at the month's plan rate, rounded once.
costs as (
    select
        unit_economics.period as month,
        {{ to_money(
            scaled('unit_economics.sales_and_marketing_cost', 4) ~ ' * ' ~ scaled('int_plan_rates.plan_rate', 8),
            whole('1'), 12, 'settings.minor_units',
        ) }} as cost_amount
    from {{ ref('stg_unit_economics') }} as unit_economics
    inner join {{ ref('int_plan_rates') }} as int_plan_rates
        on unit_economics.currency = int_plan_rates.currency and unit_economics.period = int_plan_rates.month
    cross join settings
),

windows as (
    select
        dim_months.month,
        cast(sum(revenue.new_customers) as bigint) as new_customers,
        sum(revenue.new_mrr) as new_mrr,
        sum(costs.cost_amount) as cost_amount,
        case
            when not dim_months.is_complete_month then 'month_incomplete'
            when count(*) < settings.cac_window_months then 'insufficient_history'
            when count(costs.cost_amount) < settings.cac_window_months
                then coalesce(withheld.withheld_reason, 'no_cost_data')
        end as null_reason
    from dim_months
    cross join settings
    cross join {{ withheld(['unit_economics']) }} as withheld
    inner join revenue
        on
            dim_months.month >= revenue.month
            and revenue.month > {{ add_months('dim_months.month', '-settings.cac_window_months') }}
    left join costs on revenue.month = costs.month
    group by
        dim_months.month, dim_months.is_complete_month, settings.cac_window_months, withheld.withheld_reason
),

-- Cost of a new customer / (MRR of a new one x margin): the number of customers stands on both sides and falls out.
parts as (
    select
        windows.month,
        windows.new_customers as sample_size,
        cast(case when windows.null_reason is null then windows.cost_amount end as decimal(38, 4)) as cost,
        cast(
            case when windows.null_reason is null then {{ round_half_away(
                scaled('windows.new_mrr', 4) ~ ' * ' ~ scaled('lifetimes.gross_margin_rate', 8), whole('100000000')
            ) }} end * cast(0.0001 as decimal(5, 4)) as decimal(38, 4)
        ) as earned,
        case
            when windows.null_reason is not null then windows.null_reason
            when windows.new_customers = 0 then 'no_customers'
            when lifetimes.gross_margin_rate is null then 'no_gross_margin'
        end as null_reason
    from windows
    inner join int_lifetimes_by_segment as lifetimes on windows.month = lifetimes.month
),

final as (
    select
        'cac_payback_months' as metric_key,
        month,
        'total' as segment_type,
        'total' as segment_value,
        cost as numerator,
        earned as denominator,
        case when null_reason is null and earned > 0 then {{ exact_ratio('cost', 'earned') }} end as metric_value,
        sample_size,
        coalesce(null_reason, case when earned <= 0 then 'no_margin' end) as null_reason
    from parts
)

select * from final
