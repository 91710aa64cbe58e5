with recursive dim_months as (
    select * from {{ ref('dim_months') }}
),

first_lives as (
    select
        account_id,
        min(month) as first_month,
        coalesce(min(case when closing_mrr = 0 then month end), cast('9999-12-01' as date)) as lost_month
    from {{ ref('fct_account_months') }}
    group by account_id
),

lives as (
    select
        {{ segment_type() }} as segment_type,
        {{ segment_value() }} as segment_value,
        {{ month_index('first_lives.first_month') }} as first_month_index,
        {{ month_index('first_lives.lost_month') }} as lost_month_index,
        count(*) as life_count
    from first_lives
    inner join {{ ref('dim_account_months') }} as segments
        on first_lives.account_id = segments.account_id and first_lives.first_month = segments.month
    group by {{ segment_sets('first_lives.first_month, first_lives.lost_month') }}  -- noqa: PRS
),

-- Lives that reached an age in months, in the segments of the month they began in, and those of them lost there.
ages as (
    select
        lives.segment_type,
        lives.segment_value,
        dim_months.month_index - lives.first_month_index as age,
        dim_months.month_index,
        sum(lives.life_count) as life_count,
        sum(case when lives.lost_month_index = dim_months.month_index then lives.life_count else 0 end) as lost_count
    from lives
    cross join {{ ref('stg_run_settings') }} as settings
    inner join dim_months
        on
            dim_months.month_index between lives.first_month_index and lives.lost_month_index
            and lives.first_month_index + settings.ltv_cap_months > dim_months.month_index
    group by lives.segment_type, lives.segment_value, lives.first_month_index, dim_months.month_index
),

risks as (
    select
        ages.segment_type,
        ages.segment_value,
        ages.age,
        dim_months.month,
        {{ whole('sum(ages.life_count)') }} as at_risk_count,
        {{ whole('sum(ages.life_count - ages.lost_count)') }} as left_count
    from ages
    inner join dim_months on ages.month_index <= dim_months.month_index
    group by ages.segment_type, ages.segment_value, ages.age, dim_months.month
),

-- Kaplan and Meier: the share that survives an age, in whole 10^-12, so that every engine says the same.
curves as (
    select
        risks.*,
        {{ whole('1000000000000') }} as surviving
    from risks
    where age = 0

    union all

    select
        risks.*,
        {{ whole(round_half_away('surviving * risks.left_count', 'risks.at_risk_count')) }} as surviving
    from curves
    inner join risks
        on
            curves.segment_type = risks.segment_type and curves.segment_value = risks.segment_value
            and curves.month = risks.month and curves.age + 1 = risks.age
),

final as (
    select
        segment_type,
        segment_value,
        cast(max(case when age = 0 then at_risk_count end) as bigint) as life_count,
        cast(cast(sum(surviving) as decimal(18, 0)) * 0.000000000001 as decimal(18, 12)) as expected_months,
        month
    from curves
    group by segment_type, segment_value, month
)

select * from final
