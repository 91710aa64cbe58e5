with int_account_months as (
    select * from {{ ref('int_account_months') }}
),

dim_months as (
    select * from {{ ref('dim_months') }}
),

dim_accounts as (
    select * from {{ ref('dim_accounts') }}
),

thresholds as (
    select
        max(case when touch_models.touch_model = 'high' then touch_models.lower_arr end) as high_arr,
        max(case when touch_models.touch_model = 'high' then touch_models.lower_employee_count end) as high_employees,
        max(case when touch_models.touch_model = 'low' then touch_models.lower_arr end) as low_arr
    from {{ ref('touch_models') }} as touch_models
    inner join {{ ref('stg_run_settings') }} as settings on touch_models.currency = settings.currency
),

-- MRR before the quarter, or at the end of its first month with MRR.
quarter_balances as (
    select
        int_account_months.account_id,
        dim_months.quarter_start_month,
        case
            when int_account_months.opening_mrr > 0 then int_account_months.opening_mrr
            else int_account_months.closing_mrr
        end as quarter_mrr,
        row_number() over (
            partition by int_account_months.account_id, dim_months.quarter_start_month
            order by
                case
                    when
                        int_account_months.month = dim_months.quarter_start_month
                        and int_account_months.opening_mrr > 0
                        then 0
                    when int_account_months.closing_mrr > 0 then 1
                    else 2
                end,
                int_account_months.month
        ) as preference
    from int_account_months
    inner join dim_months on int_account_months.month = dim_months.month
),

final as (
    select
        quarter_balances.account_id,
        case
            when 12 * quarter_balances.quarter_mrr >= thresholds.high_arr then 'high'
            when dim_accounts.employee_count >= thresholds.high_employees then 'high'
            when 12 * quarter_balances.quarter_mrr >= thresholds.low_arr then 'low'
            else 'tech'
        end as touch_model,
        quarter_balances.quarter_start_month
    from quarter_balances
    inner join dim_accounts on quarter_balances.account_id = dim_accounts.account_id
    cross join thresholds
    where quarter_balances.preference = 1
)

select * from final
