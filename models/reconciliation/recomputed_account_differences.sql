-- Where a model says it, which rows count, what each measure is called here, and its column; a null says nothing.
{% set windows, hierarchies = ref('fct_retention_account_months'), ref('retention_by_hierarchy') %}
{% set scores = ref('fct_health_scores') %}
{% set measures = [
    ('account_months', 'true', [('plan_tier', 'plan_tier'), ('size_band', 'size_band')]),
    ('account_months', 'closing_mrr > 0', [('active_days', 'active_days')]),
    (windows, 'window_months = 12', [
        ('opening_mrr_12_months', 'opening_mrr'), ('closing_mrr_12_months', 'closing_mrr'),
        ('price_uplift_mrr_12_months', 'price_uplift_mrr'), ('has_lapsed_12_months', 'has_lapsed'),
    ]),
    (windows, 'window_months = 1', [('opening_mrr_1_month', 'opening_mrr')]),
    (hierarchies, 'window_months = 12 and cause is not null', [
        ('as_was_closing_mrr_12_months', 'as_was_closing_mrr'), ('hierarchy_cause_12_months', 'cause'),
    ]),
    (hierarchies, 'window_months = 1 and cause is not null', [
        ('as_was_closing_mrr_1_month', 'as_was_closing_mrr'), ('hierarchy_cause_1_month', 'cause'),
    ]),
    (ref('int_as_reported_account_months'), 'opening_mrr <> closing_mrr or fx_mrr <> 0', [
        ('as_reported_opening_mrr', 'opening_mrr'), ('as_reported_new_mrr', 'new_mrr'), ('as_reported_fx_mrr', 'fx_mrr'),
        ('as_reported_reactivation_mrr', 'reactivation_mrr'), ('as_reported_expansion_mrr', 'expansion_mrr'),
        ('as_reported_contraction_mrr', 'contraction_mrr'), ('as_reported_churned_mrr', 'churned_mrr'),
        ('as_reported_closing_mrr', 'closing_mrr'),
    ]),
    (scores, 'true', [('health_score', 'score'), ('health_tier', 'tier'), ('health_coverage', 'coverage')]),
    ('lives', 'true', [('started_on', 'started_on'), ('first_zero_on', 'first_zero_on')]),
    ('lives', 'deadline_on <= as_of_date', [('is_onboarding_completed', 'is_completed')]),
] %}

-- noqa: disable=LT09, columns on one line: what is compared stands in the list above.
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

account_values as (
    {% for relation, condition, columns in measures %}
    {% for measure, column in columns %}
    select account_id, month, '{{ measure }}' as measure, cast({{ column }} as varchar) as value
    from {{ relation }}
    where {{ column }} is not null and {{ condition }}
    union all
    {% endfor %}
    {% endfor %}
    select account_id, month, 'native_mrr_' || currency as measure, cast(sum(native_mrr) as varchar) as value
    from {{ ref('int_item_months') }}
    where native_mrr > 0 and not is_reporting_currency
    group by account_id, month, currency
),

-- Of a sample, only its customers are held against each other.
compared as (
    select * from account_values
    where
        account_id in (select customers.account_id from {{ source('recomputed', 'customers') }} as customers)
        or true not in (select coverage.is_sample from {{ source('recomputed', 'coverage') }} as coverage)
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
