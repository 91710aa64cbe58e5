with int_account_months as (
    select * from {{ ref('int_account_months') }}
),

dim_months as (
    select * from {{ ref('dim_months') }}
),

{% set flows = ['expansion_mrr', 'contraction_mrr', 'churned_mrr', 'reactivation_mrr', 'fx_mrr'] %}

-- Twelve months of a customer's roll-forward up to each month; a customer younger than that had nothing before.
rolled as (
    select
        int_account_months.account_id,
        dim_months.month_index,
        int_account_months.month,
        coalesce(lag(int_account_months.closing_mrr, 12) over account_history, 0) as opening_mrr,
        {% for flow in flows %}
        sum(int_account_months.{{ flow }}) over account_window as {{ flow }},
        {% endfor %}
        min(case when int_account_months.closing_mrr > 0 then int_account_months.month end) over account_window
            as first_mrr_month,
        int_account_months.closing_mrr
    from int_account_months
    inner join dim_months on int_account_months.month = dim_months.month
    window
        account_history as (partition by int_account_months.account_id order by dim_months.month_index),
        account_window as (
            partition by int_account_months.account_id
            order by dim_months.month_index
            rows between 11 preceding and current row
        )
),

first_months as (
    select min(month_index) as first_month_index
    from dim_months
),

final as (
    select
        rolled.account_id,
        rolled.month,
        rolled.opening_mrr > 0 as is_in_cohort,
        -- Segments: the cohort's at the window's start, an outside customer's at its first month with MRR in it.
        case
            when rolled.opening_mrr > 0 then {{ add_months('rolled.month', -11) }}
            else coalesce(rolled.first_mrr_month, rolled.month)
        end as segment_month,
        rolled.opening_mrr,
        {% for flow in flows %}
        rolled.{{ flow }},
        {% endfor %}
        case when rolled.opening_mrr > 0 then rolled.closing_mrr else 0 end as cohort_closing_mrr
    from rolled
    cross join first_months
    where rolled.month_index >= first_months.first_month_index + 12
)

select * from final
