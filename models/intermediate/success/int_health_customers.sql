with fct_account_months as (
    select * from {{ ref('fct_account_months') }}
),

dim_account_months as (
    select * from {{ ref('dim_account_months') }}
),

dim_months as (
    select * from {{ ref('dim_months') }}
),

final as (
    select
        fct_account_months.account_id,
        dim_account_months.touch_model,
        dim_months.period_end_at,
        dim_months.month,
        dim_months.period_end_on as scored_on
    from fct_account_months
    inner join dim_months on fct_account_months.month = dim_months.month
    inner join dim_account_months
        on
            fct_account_months.account_id = dim_account_months.account_id
            and fct_account_months.month = dim_account_months.month
    where fct_account_months.closing_mrr > 0
)

select * from final
