with int_account_month_attributes as (
    select * from {{ ref('int_account_month_attributes') }}
),

final as (
    select
        account_id,
        month,
        plan_tier,
        size_band,
        industry,
        country,
        touch_model
    from int_account_month_attributes
)

select * from final
