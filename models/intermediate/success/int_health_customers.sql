with int_account_months as (
    select * from {{ ref('int_account_months') }}
),

int_account_month_attributes as (
    select * from {{ ref('int_account_month_attributes') }}
),

dim_months as (
    select * from {{ ref('dim_months') }}
),

final as (
    select
        int_account_months.account_id,
        int_account_month_attributes.touch_model,
        dim_months.period_end_at,
        dim_months.month,
        dim_months.period_end_on as scored_on
    from int_account_months
    inner join dim_months on int_account_months.month = dim_months.month
    inner join int_account_month_attributes
        on
            int_account_months.account_id = int_account_month_attributes.account_id
            and int_account_months.month = int_account_month_attributes.month
    where int_account_months.closing_mrr > 0
)

select * from final
