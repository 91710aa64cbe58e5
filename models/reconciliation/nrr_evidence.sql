{% set next_on = add_days('dim_months.period_end_on', 1) %}
{% set first_on = 'greatest(spans.from_on, dim_months.month)' %}
{% set to_on = 'least(coalesce(spans.to_on, ' ~ next_on ~ '), ' ~ next_on ~ ')' %}
{% set net = '(' ~ whole('terms.list_numerator') ~ ' - ' ~ whole('terms.discount_numerator') ~ ')' %}
{% set per, month_days = 'terms.monthly_denominator', 'version_months.month_days' %}
{% set discount = scaled('coalesce(versions.discount_amount, 0)', 8) ~ ' * terms.monthly_numerator' %}
-- A version's days of a month in which it is in force and not paused.
with version_months as (
    select
        spans.item_version_id,
        dim_months.month_index,
        dim_months.month,
        cast(extract(day from dim_months.month_last_on) as integer) as month_days,
        sum(case when spans.is_paused then 0 else {{ days_between(first_on, to_on) }} end) as service_days
    from {{ ref('int_mrr_spans') }} as spans
    inner join {{ ref('dim_months') }} as dim_months
        on spans.from_month_index <= dim_months.month_index and (spans.to_on is null or spans.to_on > {{ first_on }})
    group by spans.item_version_id, dim_months.month_index, dim_months.month, dim_months.month_last_on
),

-- One row a version, in however many terms it is in force.
terms as (
    select distinct
        account_id,
        item_version_id,
        subscription_item_id,
        subscription_id,
        product_id,
        product_family,
        currency,
        quantity,
        list_numerator,
        discount_numerator,
        monthly_numerator,
        monthly_denominator
    from {{ ref('int_item_terms') }}
),

valued as (
    select
        terms.*,
        versions.billing_interval,
        versions.interval_count,
        versions.unit_amount,
        versions.discount_kind,
        versions.discount_amount,
        rates.plan_rate,
        version_months.service_days,
        items.mrr,
        {% for name, units, rate, by in [
            ('later_mrr', net, 'later_rates.plan_rate', per),
            ('limited_mrr', 'least(' ~ whole('terms.list_numerator') ~ ', ' ~ discount ~ ')', 'rates.plan_rate', per),
            ('day_weighted_mrr', net ~ ' * version_months.service_days', 'rates.plan_rate', per ~ ' * ' ~ month_days),
        ] %}
        {{ money_at_rate(units, scaled(rate, 8), by, 'settings.minor_units') }} as {{ name }},
        {% endfor %}
        items.item_version_id is not null as is_in_force,
        coalesce(items.is_paused, true) as is_paused_or_gone,
        version_months.month
    from version_months
    cross join {{ ref('stg_run_settings') }} as settings
    inner join terms on version_months.item_version_id = terms.item_version_id
    inner join {{ ref('stg_subscription_item_versions') }} as versions
        on version_months.item_version_id = versions.item_version_id
    inner join {{ ref('int_plan_rates') }} as rates
        on terms.currency = rates.currency and version_months.month_index = rates.month_index
    left join {{ ref('int_plan_rates') }} as later_rates
        on terms.currency = later_rates.currency and version_months.month_index + 12 = later_rates.month_index
    left join {{ ref('int_item_months') }} as items
        on version_months.item_version_id = items.item_version_id and version_months.month_index = items.month_index
),

final as (
    select
        account_id,
        month,
        item_version_id,
        subscription_item_id,
        subscription_id,
        product_id,
        product_family,
        billing_interval,
        interval_count,
        quantity,
        currency,
        unit_amount,
        discount_kind,
        discount_amount,
        plan_rate,
        cast(coalesce(mrr, 0) as decimal(18, 4)) as mrr,
        cast(case when is_paused_or_gone then later_mrr * 0 else later_mrr end as decimal(18, 4))
            as mrr_at_next_years_rate,
        cast(case when is_paused_or_gone or discount_kind = 'recurring' then 0 else limited_mrr end as decimal(18, 4))
            as limited_mrr,
        cast(service_days as bigint) as service_days,
        day_weighted_mrr,
        is_in_force
    from valued
)

select * from final
