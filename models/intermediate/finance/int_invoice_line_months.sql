{% set months_before = elapsed_months(add_days('lines.service_from', -1)) %}
{% set months_after = elapsed_months(add_days('lines.next_on', -1)) %}
{% set period_ends = [
    elapsed_months('least(' ~ add_days('lines.next_on', -1) ~ ', periods.last_on)'),
    elapsed_months(add_days('greatest(lines.service_from, periods.first_on)', -1)),
] %}
-- Published months, and in one row each what lies before and after them, at the rates of the nearest one.
with periods as (
    select
        month,
        month as first_on,
        month_last_on as last_on,
        period_end_on,
        month as rate_month
    from {{ ref('dim_months') }}

    {% for nearest, shift, first_on, last_on in [
        ('min(month)', -1, "cast('0001-01-02' as date)", add_days('min(month)', -1)),
        ('max(month)', 1, add_months('max(month)', 1), "cast('9998-12-31' as date)"),
    ] %}
    union all

    select
        {{ add_months(nearest, shift) }} as month,
        {{ first_on }} as first_on,
        {{ last_on }} as last_on,
        cast(null as date) as period_end_on,
        {{ nearest }} as rate_month
    from {{ ref('dim_months') }}
    {% endfor %}
),

-- What a line bills up to a day is rounded, so that its months sum to it.
served as (
    select
        lines.*,
        periods.month,
        periods.period_end_on is not null as is_published,
        settings.minor_units,
        {% for period_end in period_ends %}
        {{ to_money(
            whole(scaled('lines.amount_ex_tax', 4)) ~ ' * (' ~ period_end ~ ' - ' ~ months_before ~ ')',
            months_after ~ ' - ' ~ months_before, 4, 10000,
        ) }} {{ '-' if loop.first else 'as native_amount,' }}
        {% endfor %}
        lines.nature = 'recurring'
        and lines.service_from <= periods.period_end_on and lines.next_on > periods.period_end_on as is_counted,
        {{ scaled('rates.plan_rate', 8) }} as plan_units,
        {{ scaled('coalesce(rates.month_end_rate, rates.plan_rate)', 8) }} as month_end_units
    from {{ ref('int_invoice_lines') }} as lines
    cross join {{ ref('stg_run_settings') }} as settings
    inner join periods on lines.service_from <= periods.last_on and lines.next_on > periods.first_on
    inner join {{ ref('int_plan_rates') }} as rates
        on lines.currency = rates.currency and periods.rate_month = rates.month
),

final as (
    select
        invoice_line_id,
        invoice_id,
        account_id,
        subscription_item_id,
        matched_item,
        product_family,
        currency,
        nature,
        cast(native_amount as decimal(18, 4)) as native_amount,
        {{ to_money(whole(scaled('native_amount', 4)) ~ ' * month_end_units', '1', 12, 'minor_units') }}
            as invoiced_amount,
        {% for name, units in [('monthly_mrr', 'plan_units'), ('monthly_amount', 'month_end_units')] %}
        case when is_counted then {{ to_money(
            whole(scaled('amount_ex_tax', 4)) ~ ' * months_numerator * ' ~ units,
            'months_denominator', 12, 'minor_units',
        ) }} else 0 end as {{ name }},
        {% endfor %}
        coalesce(is_counted, false) as is_counted,
        is_published,
        is_proration,
        is_credit,
        month
    from served
)

select * from final
