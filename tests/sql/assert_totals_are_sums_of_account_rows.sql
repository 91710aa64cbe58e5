-- A row means that the total of a metric is not the sum of the rows of single customers that readers get beside it.
-- Where Python computes a sample of customers only, this is what proves totals: a developer of that metric acts.
-- depends_on: {{ ref('recomputed_differences') }}, which names a metric that is wrong: it has to run first.
{% set revenue, windows = ref('fct_account_months'), ref('fct_retention_account_months') %}
{% set health_scores = ref('fct_health_scores') %}
{% set sums = [
    ('mrr', revenue, 'closing_mrr', '0', 'true'),
    ('new_customers', revenue, "case when movement_type = 'new' then 1 else 0 end", '0', 'true'),
    ('new_mrr', revenue, 'new_mrr', '0', 'true'),
    ('arpa', revenue, 'closing_mrr', '1', 'closing_mrr > 0'),
    ('logo_churn_rate', windows, 'case when is_retained then 0 else 1 end', '1', 'window_months = 1'),
    ('nrr_monthly', windows, 'closing_mrr', 'opening_mrr', 'window_months = 1'),
    ('grr_monthly', windows, 'retained_mrr', 'opening_mrr', 'window_months = 1'),
    ('nrr', windows, 'closing_mrr', 'opening_mrr', 'window_months = 12'),
    ('nrr_strict', windows, 'case when has_lapsed then 0 else closing_mrr end', 'opening_mrr', 'window_months = 12'),
    ('nrr_ex_price', windows, 'closing_mrr - price_uplift_mrr', 'opening_mrr', 'window_months = 12'),
    ('grr', windows, 'retained_mrr', 'opening_mrr', 'window_months = 12'),
    ('upsell_rate', 'sales', 'case when upsell_mrr > 0 then 1 else 0 end', '1', 'true'),
    ('cross_sell_rate', 'sales', 'case when cross_sell_mrr > 0 then 1 else 0 end', '1', 'true'),
    ('upsell_cross_sell_rate', 'sales', 'case when upsell_mrr + cross_sell_mrr > 0 then 1 else 0 end', '1', 'true'),
    ('upsell_mrr_rate', 'sales', 'upsell_mrr', 'opening_mrr', 'true'),
    ('cross_sell_mrr_rate', 'sales', 'cross_sell_mrr', 'opening_mrr', 'true'),
    ('mrr_at_risk', 'at_risk', 'closing_mrr', '0', 'true'),
    ('active_account_rate', 'usage', 'case when has_core_event then 1 else 0 end', '1', 'true'),
    ('product_usage_rate', 'usage', 'core_features_used', 'core_feature_count', 'true'),
    ('usage_depth_rate', 'usage', 'high_value_features_used', 'high_value_feature_count', 'true'),
    ('usage_days', 'usage', 'active_days', '1', 'true'),
    ('health_score', health_scores, 'score', '1', 'score is not null'),
    ('healthy_account_rate', health_scores, "case when tier = 'healthy' then 1 else 0 end", '1', 'score is not null'),
    ('onboarding_completion_rate', 'onboardings', 'case when is_completed then 1 else 0 end', '1', 'required_count > 0'),
    ('csat', 'answers', "case when answer_class = 'satisfied' then 1 else 0 end", '1', "survey_type = 'csat'"),
    ('ces', 'answers', "case when answer_class = 'easy' then 1 else 0 end", '1', "survey_type = 'ces'"),
    ('ces_mean', 'answers', 'score', '1', "survey_type = 'ces'"),
] %}

with usage as (
    select used.*
    from {{ ref('fct_usage_months') }} as used
    cross join {{ ref('stg_run_settings') }} as settings
    inner join {{ ref('dim_accounts') }} as customers on used.account_id = customers.account_id
    inner join {{ revenue }} as revenue on used.account_id = revenue.account_id and used.month = revenue.month
    where
        revenue.closing_mrr > 0
        and customers.started_on <= {{ add_days('used.window_to_on', '-settings.active_window_days') }}
),

onboardings as (
    select
        onboardings.*,
        onboardings.start_month as month
    from {{ ref('fct_onboardings') }} as onboardings
),

answers as (
    select
        answers.*,
        months.month
    from {{ ref('fct_survey_responses') }} as answers
    cross join {{ ref('stg_run_settings') }} as settings
    inner join {{ ref('dim_months') }} as months
        on
            answers.responded_on <= months.period_end_on
            and answers.responded_on >= {{ add_days('months.period_end_on', '1 - settings.survey_window_days') }}
),

sales as (
    select
        windows.account_id,
        windows.month,
        windows.opening_mrr,
        greatest(sum(case when sold.reason in ('seat', 'tier') then sold.amount_mrr else 0 end), 0) as upsell_mrr,
        greatest(sum(case when sold.reason = 'cross_sell' then sold.amount_mrr else 0 end), 0) as cross_sell_mrr
    from {{ windows }} as windows
    left join {{ ref('fct_mrr_movements') }} as sold
        on windows.account_id = sold.account_id and windows.month = sold.month
    where windows.window_months = 1
    group by windows.account_id, windows.month, windows.opening_mrr
),

at_risk as (
    select
        scores.month,
        revenue.closing_mrr
    from {{ health_scores }} as scores
    inner join {{ revenue }} as revenue on scores.account_id = revenue.account_id and scores.month = revenue.month
    where scores.tier = 'at_risk'
),

account_sums as (
    {% for metric_key, relation, numerator, denominator, condition in sums %}
    select
        '{{ metric_key }}' as metric_key,
        month,
        sum({{ numerator }}) as numerator,
        sum({{ denominator }}) as denominator
    from {{ relation }}
    where {{ condition }}
    group by month
    {{ 'union all' if not loop.last }}
    {% endfor %}
)

-- Where a metric has no parts (mrr no denominator, a feed that did not run) there is nothing to hold against the sum.
select
    totals.metric_key,
    totals.month,
    totals.numerator,
    account_sums.numerator as numerator_of_accounts,
    totals.denominator,
    account_sums.denominator as denominator_of_accounts
from {{ ref('metric_values') }} as totals
left join account_sums on totals.metric_key = account_sums.metric_key and totals.month = account_sums.month
where
    totals.segment_type = 'total'
    and totals.metric_key in (
        {% for sum in sums %}
        '{{ sum[0] }}'{{ ',' if not loop.last }}
        {% endfor %}
    )
    and (
        totals.numerator <> coalesce(account_sums.numerator, 0)
        or totals.denominator <> coalesce(account_sums.denominator, 0)
    )
