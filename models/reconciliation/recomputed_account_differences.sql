{% set days = '(select account_id, month, sum(day_weighted_mrr) as mrr\n    from ' ~ ref('nrr_evidence')
    ~ '\n    group by account_id, month) as days' %}
{% set windows, health_scores = ref('fct_retention_account_months'), ref('fct_health_scores') %}
-- Where a mart says it, what it is called here, the column, and the rows that count; a null says nothing.
{% set measures = [
    ('account_months', 'plan_tier', 'plan_tier', 'true'),
    ('account_months', 'size_band', 'size_band', 'true'),
    ('account_months', 'active_days', 'active_days', 'closing_mrr > 0'),
    (windows, 'opening_mrr_12_months', 'opening_mrr', 'window_months = 12'),
    (windows, 'closing_mrr_12_months', 'closing_mrr', 'window_months = 12'),
    (windows, 'price_uplift_mrr_12_months', 'price_uplift_mrr', 'window_months = 12'),
    (windows, 'has_lapsed_12_months', 'has_lapsed', 'window_months = 12'),
    (windows, 'opening_mrr_1_month', 'opening_mrr', 'window_months = 1'),
    (health_scores, 'health_score', 'score', 'true'),
    (health_scores, 'health_tier', 'tier', 'true'),
    (health_scores, 'health_coverage', 'coverage', 'true'),
    ('lives', 'started_on', 'started_on', 'true'),
    ('lives', 'first_zero_on', 'first_zero_on', 'true'),
    ('lives', 'is_onboarding_completed', 'is_completed', 'deadline_on <= as_of_date'),
    (days, 'day_weighted_mrr', 'mrr', 'true'),
    (ref('mrr_to_invoices'), "tie_out_' || class || '", 'amount', 'not is_total'),
] %}

with account_months as (
    select
        revenue.account_id,
        revenue.month,
        revenue.closing_mrr,
        segments.plan_tier,
        segments.size_band,
        used.active_days
    from {{ ref('fct_account_months') }} as revenue
    inner join {{ ref('dim_account_months') }} as segments
        on revenue.account_id = segments.account_id and revenue.month = segments.month
    inner join {{ ref('fct_usage_months') }} as used
        on revenue.account_id = used.account_id and revenue.month = used.month
    where revenue.opening_mrr > 0 or revenue.closing_mrr > 0
),

lives as (
    select
        onboardings.*,
        onboardings.start_month as month,
        settings.as_of_date
    from {{ ref('fct_onboardings') }} as onboardings
    cross join {{ ref('stg_run_settings') }} as settings
),

account_values as (
    {% for relation, measure, column, condition in measures %}
    select account_id, month, '{{ measure }}' as measure, cast({{ column }} as varchar) as value  -- noqa: LT05
    from {{ relation }}
    where {{ column }} is not null and {{ condition }}
    {{ 'union all' if not loop.last }}
    {% endfor %}
),

-- Of a sample, only its customers are held against each other.
compared as (
    select * from account_values
    where
        account_id in (select customers.account_id from {{ source('recomputed', 'customers') }} as customers)
        or not exists (
            select 1 from {{ source('recomputed', 'coverage') }} as coverage
            where coverage.is_sample
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
