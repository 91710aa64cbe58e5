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
        int_contract_renewals.renewed_amount,
        int_contract_renewals.ended_amount,
        case when int_contract_renewals.is_renewed then 1 else 0 end as renewed_contracts,
        1 as ended_contracts,
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
        0 as renewed_amount,
        0 as ended_amount,
        0 as renewed_contracts,
        0 as ended_contracts,
        month
    from dim_months
),

sums as (
    select
        month,
        {{ segment_type() }} as segment_type,
        {{ segment_value() }} as segment_value,
        cast(sum(renewed_amount) as decimal(38, 4)) as renewed_amount,
        cast(sum(ended_amount) as decimal(38, 4)) as ended_amount,
        cast(sum(renewed_contracts) as bigint) as renewed_contracts,
        cast(sum(ended_contracts) as bigint) as ended_contracts
    from contracts
    group by {{ segment_sets('month') }}  -- noqa: PRS
),

-- A month is known once the days in which its contracts may be renewed have passed.
final as (
    select
        sums.segment_type,
        sums.segment_value,
        sums.renewed_amount,
        sums.ended_amount,
        sums.renewed_contracts,
        sums.ended_contracts,
        dim_months.month_last_on <= {{ known_to }} as is_known,
        sums.month
    from sums
    cross join {{ ref('stg_run_settings') }} as settings
    inner join dim_months on sums.month = dim_months.month
)

select * from final
