{% set known_to = add_days('settings.as_of_date', '-settings.renewal_days') %}
with int_contract_renewals as (
    select * from {{ ref('int_contract_renewals') }}
),

dim_months as (
    select * from {{ ref('dim_months') }}
),

contracts as (
    select
        dim_account_months.plan_tier,
        dim_account_months.size_band,
        dim_account_months.industry,
        dim_account_months.country,
        case when int_contract_renewals.is_renewed then 1 else 0 end as renewed,
        1 as ended,
        1 as contracts,
        int_contract_renewals.month
    from int_contract_renewals
    inner join {{ ref('dim_account_months') }} as dim_account_months
        on
            int_contract_renewals.account_id = dim_account_months.account_id
            and int_contract_renewals.month = dim_account_months.month

    union all

    -- An empty row a month, so that the total exists where no contract ends.
    select
        {% for column in segment_columns() %}
        'unknown' as {{ column }},
        {% endfor %}
        0 as renewed,
        0 as ended,
        0 as contracts,
        month
    from dim_months
),

sums as (
    select
        month,
        {{ segment_type() }} as segment_type,
        {{ segment_value() }} as segment_value,
        cast(sum(renewed) as decimal(38, 4)) as renewed,
        cast(sum(ended) as decimal(38, 4)) as ended,
        cast(sum(contracts) as bigint) as sample_size
    from contracts
    group by {{ segment_sets('month') }}  -- noqa: PRS
),

-- A month is known once the days in which its contracts may be renewed have passed.
parts as (
    select
        sums.month,
        sums.segment_type,
        sums.segment_value,
        case when dim_months.month_last_on <= {{ known_to }} then sums.renewed end as numerator,
        case when dim_months.month_last_on <= {{ known_to }} then sums.ended end as denominator,
        sums.sample_size,
        case
            when dim_months.month_last_on > {{ known_to }} then 'not_matured'
            when sums.ended = 0 then 'no_contracts'
        end as null_reason
    from sums
    cross join {{ ref('stg_run_settings') }} as settings
    inner join dim_months on sums.month = dim_months.month
),

final as (
    select
        cast('renewal_rate_by_count' as varchar) as metric_key,
        month,
        segment_type,
        segment_value,
        numerator,
        denominator,
        {{ exact_ratio('numerator', 'denominator') }} as value,
        sample_size,
        cast(null_reason as varchar) as null_reason
    from parts
    where segment_type = 'total' or sample_size > 0
)

select * from final
