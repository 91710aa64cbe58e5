-- A row means that the total of a metric is not the sum of the rows of single customers that readers get beside it.
-- Where Python computes a sample only, this is what proves the totals: a developer of that metric acts.
{% set settings = '(select * from ' ~ ref('stg_run_settings') ~ ')' %}

with account_sums as (
    {% for metric_key, numerator, denominator in [
        ('mrr', 'closing_mrr', none),
        ('arpa', 'closing_mrr', 'case when closing_mrr > 0 then 1 else 0 end'),
    ] %}
    select '{{ metric_key }}' as metric_key
    {% endfor %}
)
