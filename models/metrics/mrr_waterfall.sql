{% set amounts = [
    'segment_transfer_mrr', 'opening_mrr', 'new_mrr', 'reactivation_mrr', 'expansion_mrr', 'contraction_mrr', 'churned_mrr',
    'fx_mrr', 'closing_mrr',
] %}

with int_revenue_by_segment as (
    select * from {{ ref('int_revenue_by_segment') }}
),

-- Opening(t) = closing(t-1) + segment_transfer: what customers who changed segment brought along.
chained as (
    select
        month,
        segment_type,
        segment_value,
        opening_mrr as segment_transfer_mrr,
        opening_mrr,
        new_mrr,
        reactivation_mrr,
        expansion_mrr,
        contraction_mrr,
        churned_mrr,
        fx_mrr,
        closing_mrr
    from int_revenue_by_segment

    union all

    select
        dim_months.month,
        int_revenue_by_segment.segment_type,
        int_revenue_by_segment.segment_value,
        -int_revenue_by_segment.closing_mrr as segment_transfer_mrr,
        {% for amount in amounts[1:] %}
        0 as {{ amount }}{{ ',' if not loop.last }}
        {% endfor %}
    from int_revenue_by_segment
    inner join {{ ref('dim_months') }} as dim_months
        on dim_months.month = {{ add_months('int_revenue_by_segment.month', 1) }}
),

final as (
    select
        month,
        segment_type,
        segment_value,
        {% for amount in amounts %}
        cast(sum({{ amount }}) as decimal(38, 4)) as {{ amount }}{{ ',' if not loop.last }}
        {% endfor %}
    from chained
    group by month, segment_type, segment_value
    having
        segment_type = 'total'
        {% for amount in amounts %}
        or sum({{ amount }}) <> 0
        {% endfor %}
)

select * from final
