-- What is compared: macro account_measures.
-- noqa: disable=LT09, columns on one line: what is compared stands in the macro.
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

-- Of a sample, only its customers are held against each other; their bills and days from their first month with MRR on.
compared as (
    select account_values.*
    from account_values
    left join {{ ref('fct_account_months') }} as paid
        on account_values.account_id = paid.account_id and account_values.month = paid.month
    where
        true not in (select coverage.is_sample from {{ source('recomputed', 'coverage') }} as coverage)
        or account_values.account_id in (select account_id from {{ source('recomputed', 'customers') }})
        and (
            account_values.measure not like 'tie_out_%' and account_values.measure <> 'day_weighted_mrr'
            or paid.account_id is not null
        )
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
