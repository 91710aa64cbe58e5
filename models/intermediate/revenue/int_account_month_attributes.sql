with dim_accounts as (
    select * from {{ ref('dim_accounts') }}
),

dim_months as (
    select * from {{ ref('dim_months') }}
),

int_account_months as (
    select * from {{ ref('int_account_months') }}
),

int_account_plans as (
    select * from {{ ref('int_account_plans') }}
),

int_account_touch_models as (
    select * from {{ ref('int_account_touch_models') }}
),

size_bands as (
    select
        bands.size_band,
        bands.lower_mrr,
        lead(bands.lower_mrr) over (order by bands.lower_mrr) as next_lower_mrr
    from {{ ref('size_bands') }} as bands
    inner join {{ ref('stg_run_settings') }} as settings on bands.currency = settings.currency
),

-- Plan and size are those of the month's start, or of its end for a customer without MRR at the start.
account_months as (
    select
        dim_accounts.account_id,
        dim_months.month,
        dim_months.quarter_start_month,
        dim_accounts.industry,
        dim_accounts.country,
        case when int_account_months.opening_mrr > 0 then dim_months.month_index - 1 else dim_months.month_index end
            as plan_month_index,
        case
            when int_account_months.opening_mrr > 0 then int_account_months.opening_mrr
            else int_account_months.closing_mrr
        end as size_mrr
    from dim_accounts
    cross join dim_months
    left join int_account_months
        on
            dim_accounts.account_id = int_account_months.account_id
            and dim_months.month = int_account_months.month
),

final as (
    select
        account_months.account_id,
        account_months.month,
        coalesce(int_account_plans.plan_tier, 'unknown') as plan_tier,
        coalesce(size_bands.size_band, 'unknown') as size_band,
        account_months.industry,
        account_months.country,
        coalesce(int_account_touch_models.touch_model, 'unknown') as touch_model
    from account_months
    left join int_account_plans
        on
            account_months.account_id = int_account_plans.account_id
            and account_months.plan_month_index = int_account_plans.month_index
    left join size_bands
        on
            account_months.size_mrr > 0
            and account_months.size_mrr >= size_bands.lower_mrr
            and (size_bands.next_lower_mrr is null or account_months.size_mrr < size_bands.next_lower_mrr)
    left join int_account_touch_models
        on
            account_months.account_id = int_account_touch_models.account_id
            and account_months.quarter_start_month = int_account_touch_models.quarter_start_month
)

select * from final
