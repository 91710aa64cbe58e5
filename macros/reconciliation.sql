{# Where a model says what of a customer and month, which of its rows count, what each measure is called where SQL and
   Python are compared, and its column; a null says nothing. #}
{% macro account_measures() %}
    {% set windows, hierarchies = ref('fct_retention_account_months'), ref('retention_by_hierarchy') %}
    {% set scores = ref('fct_health_scores') %}
    {{ return([
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
        (ref('int_account_closings'), 'has_paused_items and unpaused_mrr > 0', [('unpaused_mrr', 'unpaused_mrr')]),
        (ref('int_as_reported_account_months'), 'opening_mrr <> closing_mrr or fx_mrr <> 0', [
            ('as_reported_opening_mrr', 'opening_mrr'), ('as_reported_new_mrr', 'new_mrr'), ('as_reported_fx_mrr', 'fx_mrr'),
            ('as_reported_reactivation_mrr', 'reactivation_mrr'), ('as_reported_expansion_mrr', 'expansion_mrr'),
            ('as_reported_contraction_mrr', 'contraction_mrr'), ('as_reported_churned_mrr', 'churned_mrr'),
            ('as_reported_closing_mrr', 'closing_mrr'),
        ]),
        ('natives', 'native_mrr > 0', [("native_mrr_' || currency || '", 'native_mrr')]),
        (ref('mrr_to_invoices'), 'not is_total', [("tie_out_' || class || '", 'amount')]),
        ('evidence', 'true', [('day_weighted_mrr', 'day_weighted_mrr')]),
        (scores, 'true', [
            ('health_score', 'score'), ('health_tier', 'tier'), ('health_coverage', 'coverage'),
            ('health_red_flag', 'red_flag'), ('health_drivers_en', 'drivers_en'), ('health_drivers_ja', 'drivers_ja'),
        ]),
        (ref('restatements'), 'true', [("moved_' || reason || '", 'difference_mrr')]),
        ('lives', 'true', [('started_on', 'started_on'), ('first_zero_on', 'first_zero_on')]),
        ('lives', 'deadline_on <= as_of_date', [('is_onboarding_completed', 'is_completed')]),
    ]) }}
{% endmacro %}
