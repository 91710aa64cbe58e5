{% set movements = [
    ('new', 'new_mrr', ''), ('reactivation', 'reactivation_mrr', ''), ('expansion', 'expansion_mrr', ''),
    ('contraction', 'contraction_mrr', '-'), ('churn', 'churned_mrr', '-'),
] %}

with int_item_months as (
    select * from {{ ref('int_item_months') }}
),

closings as (
    select
        account_id,
        currency,
        month_index,
        sum(native_mrr) as closing_mrr
    from int_item_months
    group by account_id, currency, month_index
),

purses as (
    select
        account_id,
        currency,
        min(month_index) as first_month_index,
        min(min(month_index)) over (partition by account_id) as first_paid_month_index
    from closings
    where closing_mrr > 0
    group by account_id, currency
),

balances as (
    select
        purses.account_id,
        purses.currency,
        dim_months.month,
        dim_months.month_index = purses.first_paid_month_index as is_first_paid_month,
        coalesce(closings.closing_mrr, 0) as closing_mrr,
        coalesce(lag(closings.closing_mrr) over (
            partition by purses.account_id, purses.currency order by dim_months.month_index
        ), 0) as opening_mrr
    from purses
    inner join {{ ref('dim_months') }} as dim_months on purses.first_month_index <= dim_months.month_index
    left join closings
        on
            purses.account_id = closings.account_id
            and purses.currency = closings.currency
            and dim_months.month_index = closings.month_index
),

-- The customer is new, returns or is lost as a whole: who changes currency expands in one and contracts in the other.
moved as (
    select
        balances.*,
        case
            when closing_mrr = opening_mrr then 'none'
            when max(opening_mrr) over customer = 0 and is_first_paid_month then 'new'
            when max(opening_mrr) over customer = 0 then 'reactivation'
            when max(closing_mrr) over customer = 0 then 'churn'
            when closing_mrr > opening_mrr then 'expansion'
            else 'contraction'
        end as movement_type
    from balances
    window customer as (partition by account_id, month)
),

final as (
    select
        month,
        currency,
        cast(sum(opening_mrr) as decimal(38, 4)) as opening_mrr,
        {% for movement_type, column, sign in movements %}
        cast(sum(case when movement_type = '{{ movement_type }}' then {{ sign }}(closing_mrr - opening_mrr) else 0 end)
            as decimal(38, 4)) as {{ column }},
        {% endfor %}
        cast(sum(closing_mrr) as decimal(38, 4)) as closing_mrr
    from moved
    group by month, currency
)

select * from final
