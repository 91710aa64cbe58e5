-- What is left of today's customers after 1, 5, 10 and 20 years, and how much more a low churn earns?
-- (1 - c)^n of a few scenarios. A monthly rate becomes a yearly one by 1 - (1 - c)^12 and is set beside monthly
-- ones only: 3 % a month is 30.6 % a year. Revenue is in years of today's revenue; "after churn" counts year 1 at what
-- is left at its end, "full first year" at what was there at its start. times_worst compares with the worst scenario.
-- Put other rates here.
with recursive given (scenario, churn_rate, churn_interval) as (
    values
    ('low_yearly', 0.03, 'year'),
    ('high_yearly', 0.25, 'year'),
    ('low_monthly', 0.03, 'month')
),

scenarios as (
    select
        scenario,
        cast(churn_rate as decimal(18, 8)) as churn_rate,
        churn_interval,
        case churn_interval
            when 'month' then power(1 - {{ approximate('churn_rate') }}, 12)
            else 1 - {{ approximate('churn_rate') }}
        end as kept_a_year
    from given
),

years as (
    select 1 as year_number
    union all
    select year_number + 1 as year_number
    from years
    where year_number < 20
),

curves as (
    select
        scenarios.*,
        years.year_number,
        power(scenarios.kept_a_year, years.year_number) as retained_share,
        sum(power(scenarios.kept_a_year, years.year_number)) over (
            partition by scenarios.scenario order by years.year_number
        ) as revenue_after_churn,
        sum(power(scenarios.kept_a_year, years.year_number - 1)) over (
            partition by scenarios.scenario order by years.year_number
        ) as revenue_full_first_year
    from scenarios
    cross join years
),

compared as (
    select
        curves.*,
        min(revenue_after_churn) over same_question as worst_after_churn,
        min(revenue_full_first_year) over same_question as worst_full_first_year
    from curves
    window same_question as (partition by churn_interval, year_number)
),

final as (
    select
        scenario,
        churn_rate,
        churn_interval,
        {{ from_approximate('1 - kept_a_year') }} as yearly_churn_rate,
        year_number,
        {% for figure in ['retained_share', 'revenue_after_churn', 'revenue_full_first_year'] %}
        {{ from_approximate(figure) }} as {{ figure }},
        {% endfor %}
        {{ from_approximate('revenue_after_churn / worst_after_churn') }} as times_worst_after_churn,
        {{ from_approximate('revenue_full_first_year / worst_full_first_year') }} as times_worst_full_first_year
    from compared
    where year_number in (1, 5, 10, 20)
)

select * from final
order by churn_interval desc, churn_rate asc, year_number asc
