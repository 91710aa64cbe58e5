{% set metrics = {
    'headline': 'nrr', 'strict': 'nrr_strict', 'ex_price': 'nrr_ex_price', 'compounded': 'nrr_compounded',
} %}

with months as (
    select * from {{ ref('dim_months') }}
),

as_was as (
    select month, sum(as_was_closing_mrr) as closing_mrr, sum(as_was_opening_mrr) as opening_mrr
    from {{ ref('int_retention_by_hierarchy') }}
    where window_months = 12
    group by month
),

reported_years as (
    select month, closing_mrr, lag(closing_mrr, 12) over (partition by account_id order by month) as opening_mrr
    from {{ ref('int_as_reported_account_months') }}
),

as_reported as (
    select month, sum(closing_mrr) as closing_mrr, sum(opening_mrr) as opening_mrr
    from reported_years
    where opening_mrr > 0
    group by month
),

policies as (
    {% for policy_key, metric_key in metrics.items() %}
    select month, '{{ policy_key }}' as policy_key, numerator, denominator, value
    from {{ ref('metric_' ~ metric_key) }}
    where segment_type = 'total'
    union all
    {% endfor %}
    {% for policy_key in ['as_was', 'as_reported'] %}
    select months.month, '{{ policy_key }}', coalesce(ends.closing_mrr, 0), coalesce(ends.opening_mrr, 0), null
    from months
    left join {{ policy_key }} as ends on months.month = ends.month
    union all
    {% endfor %}
    select month, policy_key, numerator, denominator, value
    from {{ ref('int_nrr_policies') }}
),

rated as (
    select
        month,
        policy_key,
        cast(numerator as decimal(38, 4)) as numerator,
        cast(denominator as decimal(38, 4)) as denominator,
        coalesce(value, {{ exact_ratio('numerator', 'denominator') }}) as value
    from policies
),

final as (
    select
        rated.month,
        rated.policy_key,
        nrr_policies.name_en,
        nrr_policies.name_ja,
        nrr_policies.sort_order,
        rated.numerator,
        rated.denominator,
        cast(rated.value as decimal(38, 10)) as value,
        cast(rated.value - headline.value as decimal(38, 10)) as difference_to_headline,
        case
            when rated.value is not null then null
            when rated.denominator is null then 'missing_month'
            when rated.policy_key = 'as_reported' and headline.denominator > 0 then 'no_month_end_rate'
            else 'no_customers'
        end as null_reason
    from rated
    inner join {{ ref('nrr_policies') }} as nrr_policies on rated.policy_key = nrr_policies.policy_key
    inner join rated as headline on rated.month = headline.month and headline.policy_key = 'headline'
)

select * from final
