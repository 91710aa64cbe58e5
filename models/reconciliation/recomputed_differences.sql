-- What is compared: models/sources/recomputed.yml. How: macro differences.
{% set tables = [
    'dim_accounts', 'dim_months', 'dim_products', 'dim_account_months', 'fct_account_months', 'fct_mrr_movements',
    'fct_retention_account_months', 'fct_health_components', 'fct_health_scores', 'fct_onboardings',
    'fct_survey_responses', 'fct_usage_months', 'cohort_retention', 'metric_catalog', 'metric_values', 'mrr_waterfall',
    'mrr_waterfall_as_reported', 'mrr_waterfall_native', 'nrr_bridge', 'nrr_sensitivity', 'closed_account_months',
    'closes', 'invoice_line_classes', 'item_months', 'mrr_to_invoices', 'mrr_to_revenue', 'nrr_evidence',
    'reported_metric_differences', 'restated_items', 'restatements', 'retention_by_hierarchy',
] %}

with compared as (
    {% for table in tables %}
    {{ differences(table, ref(table)) }}
    {{ 'union all' if not loop.last }}
    {% endfor %}
),

final as (
    select
        table_name,
        grain,
        column_name,
        value,
        recomputed_value
    from compared
)

select * from final
