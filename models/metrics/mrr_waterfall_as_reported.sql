{% set flows = [
    'new_mrr', 'reactivation_mrr', 'expansion_mrr', 'contraction_mrr', 'churned_mrr', 'fx_mrr', 'closing_mrr',
] %}

with int_as_reported_account_months as (
    select * from {{ ref('int_as_reported_account_months') }}
),

first_months as (
    select min(month) as first_month
    from int_as_reported_account_months
),

account_months as (
    select
        reported.month,
        {% for column in segment_columns() %}
        dim_account_months.{{ column }},
        {% endfor %}
        reported.opening_mrr as segment_transfer_mrr,
        reported.opening_mrr,
        {{ flows | join(', ') }}
    from int_as_reported_account_months as reported
    inner join {{ ref('dim_account_months') }} as dim_account_months
        on
            reported.account_id = dim_account_months.account_id
            and reported.month = dim_account_months.month

    union all

    -- Opening(t) = closing(t-1) + segment_transfer: each closing once more, in its month's segment but a month later.
    select
        dim_months.month,
        {% for column in segment_columns() %}
        dim_account_months.{{ column }},
        {% endfor %}
        -reported.closing_mrr as segment_transfer_mrr,
        0 as opening_mrr,
        {% for flow in flows %}
        0 as {{ flow }}{{ ',' if not loop.last }}
        {% endfor %}
    from int_as_reported_account_months as reported
    inner join {{ ref('dim_account_months') }} as dim_account_months
        on
            reported.account_id = dim_account_months.account_id
            and reported.month = dim_account_months.month
    inner join {{ ref('dim_months') }} as dim_months
        on dim_months.month = {{ add_months('reported.month', 1) }}
),

segment_sums as (
    select
        month,
        {{ segment_type() }} as segment_type,
        {{ segment_value() }} as segment_value,
        {% for amount in ['segment_transfer_mrr', 'opening_mrr'] + flows %}
        cast(sum({{ amount }}) as decimal(38, 4)) as {{ amount }}{{ ',' if not loop.last }}
        {% endfor %}
    from account_months
    group by {{ segment_sets('month') }}  -- noqa: PRS
),

-- Nothing closed before the first month that is reported: nobody changed segment then.
final as (
    select
        segment_sums.month,
        segment_type,
        segment_value,
        case
            when segment_sums.month = first_months.first_month then cast(0 as decimal(38, 4)) else segment_transfer_mrr
        end as segment_transfer_mrr,
        opening_mrr,
        {{ flows | join(', ') }}
    from segment_sums
    cross join first_months
    where
        segment_type = 'total'
        {% for amount in ['segment_transfer_mrr', 'opening_mrr'] + flows %}
        or {{ amount }} <> 0
        {% endfor %}
)

select * from final
