-- What is compared: macro account_measures.
{% set amounts = ['opening', 'new', 'reactivation', 'expansion', 'contraction', 'churned', 'fx', 'closing'] %}

with account_months as (
    select revenue.account_id, revenue.month, closing_mrr, segments.plan_tier, segments.size_band, used.active_days
    from {{ ref('fct_account_months') }} as revenue
    inner join {{ ref('dim_account_months') }} as segments
        on revenue.account_id = segments.account_id and revenue.month = segments.month
    inner join {{ ref('fct_usage_months') }} as used
        on revenue.account_id = used.account_id and revenue.month = used.month
    where revenue.opening_mrr > 0 or revenue.closing_mrr > 0
),

lives as (
    select onboardings.*, onboardings.start_month as month, settings.as_of_date
    from {{ ref('fct_onboardings') }} as onboardings
    cross join {{ ref('stg_run_settings') }} as settings
),

-- Months in which something moved; the others follow from them.
reported as (
    select account_id, month, cast({{ amounts | join("_mrr as varchar) || ' ' || cast(") }}_mrr as varchar) as amounts
    from {{ ref('int_as_reported_account_months') }}
    where opening_mrr <> closing_mrr or fx_mrr <> 0
),

natives as (
    select account_id, month, currency, sum(native_mrr) as native_mrr from {{ ref('int_item_months') }}
    where not is_reporting_currency
    group by account_id, month, currency
),

evidence as (
    select account_id, month, sum(day_weighted_mrr) as day_weighted_mrr from {{ ref('nrr_evidence') }}
    group by account_id, month
),

-- LT05 adds up the pieces of the templated line; none is that long.
account_values as (
    {% for relation, condition, columns in account_measures() %}
    {% set last_relation = loop.last %}
    {% for measure, column in columns %}
    select account_id, month, '{{ measure }}' as measure, cast({{ column }} as varchar) as value  -- noqa: LT05
    from {{ relation }}
    where {{ column }} is not null and {{ condition }}
    {{ 'union all' if not (last_relation and loop.last) }}
    {% endfor %}
    {% endfor %}
),

-- Of a sample, only its customers are held against each other.
compared as (
    select * from account_values
    where
        account_id in (select customers.account_id from {{ source('recomputed', 'customers') }} as customers)
        or not exists (select 1 from {{ source('recomputed', 'coverage') }} as coverage where coverage.is_sample)
),

final as (
    select
        coalesce(compared.account_id, recomputed.account_id) as account_id,
        coalesce(compared.month, recomputed.month) as month,
        coalesce(compared.measure, recomputed.measure) as measure,
        compared.value,
        recomputed.value as recomputed_value,
        coalesce(compared.value, '-') <> coalesce(recomputed.value, '-') as is_different
    from compared
    full outer join {{ source('recomputed', 'account_values') }} as recomputed
        on
            compared.account_id = recomputed.account_id
            and compared.month = recomputed.month
            and compared.measure = recomputed.measure
)

select * from final
