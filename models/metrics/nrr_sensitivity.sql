with int_nrr_policies as (
    select * from {{ ref('int_nrr_policies') }}
),

nrr_policies as (
    select * from {{ ref('nrr_policies') }}
),

rated as (
    select
        month,
        policy_key,
        cast(numerator as decimal(38, 4)) as numerator,
        cast(denominator as decimal(38, 4)) as denominator,
        coalesce(value, {{ exact_ratio('numerator', 'denominator') }}) as value,
        case when denominator is null then 'missing_month' else 'no_customers' end as reason_without_value
    from int_nrr_policies
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
        case when rated.value is null then rated.reason_without_value end as null_reason
    from rated
    inner join nrr_policies on rated.policy_key = nrr_policies.policy_key
    inner join rated as headline on rated.month = headline.month and headline.policy_key = 'headline'
)

select * from final
