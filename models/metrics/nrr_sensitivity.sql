{% set metrics = {'headline': '', 'strict': '_strict', 'ex_price': '_ex_price', 'compounded': '_compounded'} %}

with nrr as (
    select * from {{ ref('metric_nrr') }}
    where segment_type = 'total'
),

hierarchy_changes as (
    select
        month,
        sum(change_mrr) as change_mrr
    from {{ ref('int_hierarchy_changes') }}
    where window_months = 12
    group by month
),

reported as (
    select
        month,
        closing_mrr,
        lag(closing_mrr, 12) over (partition by account_id order by month) as opening_mrr
    from {{ ref('int_as_reported_account_months') }}
),

policies as (
    {% for policy_key, suffix in metrics.items() %}
    select month, '{{ policy_key }}' as policy_key, numerator, denominator, metric_value as value
    from {{ ref('metric_nrr' ~ suffix) }}
    where segment_type = 'total'
    union all
    {% endfor %}
    select
        nrr.month,
        'as_was' as policy_key,
        nrr.numerator + coalesce(hierarchy_changes.change_mrr, 0) as numerator,
        nrr.denominator,
        null as value
    from nrr
    left join hierarchy_changes on nrr.month = hierarchy_changes.month
    union all
    select
        nrr.month,
        'as_reported' as policy_key,
        coalesce(sum(reported.closing_mrr), 0) as numerator,
        coalesce(sum(reported.opening_mrr), 0) as denominator,
        null as value
    from nrr
    left join reported on nrr.month = reported.month and reported.opening_mrr > 0
    group by nrr.month
    union all
    select * from {{ ref('int_nrr_policies') }}
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
