with int_mrr_spans as (
    select * from {{ ref('int_mrr_spans') }}
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

items_in_force as (
    select
        int_mrr_spans.*,
        int_plan_rates.plan_rate,
        int_plan_rates.native_minor_units,
        int_plan_rates.is_reporting_currency,
        settings.minor_units,
        dim_months.month_index,
        dim_months.month,
        {{ whole('list_numerator') }} - {{ whole('discount_numerator') }} as net_numerator,
        {{ scaled('int_plan_rates.plan_rate', 8) }} as rate_units,
        {{ scaled('int_plan_rates.month_end_rate', 8) }} as month_end_units,
        {{ scaled('int_plan_rates.next_month_end_rate', 8) }} as next_month_end_units
    from int_mrr_spans
    inner join dim_months
        on
            int_mrr_spans.from_month_index <= dim_months.month_index
            and (int_mrr_spans.to_month_index is null or int_mrr_spans.to_month_index > dim_months.month_index)
    inner join int_plan_rates
        on
            int_mrr_spans.currency = int_plan_rates.currency
            and dim_months.month_index = int_plan_rates.month_index
    cross join settings
),

amounts as (
    select
        items_in_force.*,
        {{ money_at_rate('list_numerator', 'rate_units', 'monthly_denominator', 'minor_units') }} as list_mrr,
        {{ money_at_rate('net_numerator', '100000000', 'monthly_denominator', 'native_minor_units') }} as native_mrr,
        {% for column, rate in [
            ('mrr', 'rate_units'), ('month_end_mrr', 'month_end_units'), ('next_month_end_mrr', 'next_month_end_units'),
        ] %}
        {{ money_at_rate('net_numerator', rate, 'monthly_denominator', 'minor_units') }} as {{ column }}
        {{- ',' if not loop.last }}
        {% endfor %}
    from items_in_force
),

final as (
    select
        account_id,
        subscription_item_id,
        item_version_id,
        subscription_id,
        product_id,
        product_family,
        currency,
        tier_rank,
        month_index,
        quantity,
        unit_numerator,
        list_numerator,
        discount_numerator,
        monthly_numerator,
        monthly_denominator,
        plan_rate,
        {% for amount in ['list_mrr', 'mrr', 'native_mrr', 'month_end_mrr', 'next_month_end_mrr'] %}
        case when is_paused then 0 else {{ amount }} end as {{ amount }},
        {% endfor %}
        amounts.mrr as unpaused_mrr,
        is_paused,
        is_reporting_currency,
        month
    from amounts
)

select * from final
