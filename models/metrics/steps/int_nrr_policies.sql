-- The roll-forward's movements are the waterfall's; its opening is the cohort's, at the window's last rates, as in NRR.
with months as (
    select
        years.month,
        years.opening_mrr,
        monthly.closing_mrr + revenue.reactivation_mrr as kept_mrr,
        nullif(monthly.opening_mrr, 0) as monthly_opening_mrr,
        revenue.reactivation_mrr,
        revenue.expansion_mrr - revenue.contraction_mrr - revenue.churned_mrr as moved_mrr
    from {{ ref('int_retention_by_segment') }} as years
    inner join {{ ref('int_retention_by_segment') }} as monthly
        on years.month = monthly.month and monthly.segment_type = 'total' and monthly.window_months = 1
    inner join {{ ref('int_revenue_by_segment') }} as revenue
        on years.month = revenue.month and revenue.segment_type = 'total'
    where years.segment_type = 'total' and years.window_months = 12
),

-- A zero has no logarithm: any zero makes the product zero.
years as (
    select
        month,
        opening_mrr,
        opening_mrr + sum(moved_mrr) over twelve_months as rolled_mrr,
        sum(reactivation_mrr) over twelve_months as reactivated_mrr,
        count(monthly_opening_mrr) over twelve_months as rated_months,
        min(kept_mrr) over twelve_months as least_kept_mrr,
        sum(ln({{ approximate('nullif(kept_mrr, 0)') }}) - ln({{ approximate('monthly_opening_mrr') }}))
            over twelve_months as log_product
    from months
    window twelve_months as (order by month rows between 11 preceding and current row)
),

pauses_kept as (
    select
        dim_months.month,
        sum(coalesce(closings.unpaused_mrr, 0)) as closing_mrr,
        sum(openings.unpaused_mrr + coalesce(revaluations.unpaused_revaluation_mrr, 0)) as opening_mrr
    from {{ ref('int_account_closings') }} as openings
    inner join {{ ref('dim_months') }} as dim_months on openings.month_index + 12 = dim_months.month_index
    left join {{ ref('int_account_closings') }} as closings
        on openings.account_id = closings.account_id and dim_months.month = closings.month
    left join {{ ref('int_mrr_revaluations') }} as revaluations
        on
            openings.account_id = revaluations.account_id
            and dim_months.month = revaluations.month
            and revaluations.window_months = 12
    where
        openings.unpaused_mrr > 0
        and openings.unpaused_mrr + coalesce(revaluations.unpaused_revaluation_mrr, 0) > 0
    group by dim_months.month
),

final as (
    {% for policy_key, reactivated in [('rollforward', 0), ('rollforward_with_reactivation', 'reactivated_mrr')] %}
    select month, '{{ policy_key }}' as policy_key,
        case when opening_mrr > 0 then rolled_mrr + {{ reactivated }} else 0 end as numerator,
        opening_mrr as denominator, cast(null as decimal(38, 10)) as value
    from years
    union all
    {% endfor %}
    select
        month,
        'compounded_with_reactivation' as policy_key,
        null as numerator,
        null as denominator,
        case
            when rated_months < 12 then null
            when least_kept_mrr = 0 then 0
            else {{ from_approximate('exp(log_product)') }}
        end as value
    from years
    union all
    select
        months.month,
        'pauses_kept' as policy_key,
        coalesce(pauses_kept.closing_mrr, 0) as numerator,
        coalesce(pauses_kept.opening_mrr, 0) as denominator,
        null as value
    from months
    left join pauses_kept on months.month = pauses_kept.month
)

select * from final
