with int_cohort_customers as (
    select * from {{ ref('int_cohort_customers') }}
),

dim_months as (
    select * from {{ ref('dim_months') }}
),


cohorts as (
    select
        cohort_month,
        months_since_start,
        count(*) as cohort_customers,
        sum(case when closing_mrr > 0 then 1 else 0 end) as retained_customers,
        sum(cohort_mrr) as cohort_mrr,
        sum(closing_mrr) as retained_mrr
    from int_cohort_customers
    group by cohort_month, months_since_start
),

ages as (
    select distinct months_since_start
    from cohorts
),

-- Every cohort at every age that any cohort has reached: cells that lie ahead are there, and null.
cells as (
    select
        cohort_starts.cohort_month,
        ages.months_since_start,
        {{ add_months('cohort_starts.cohort_month', 'ages.months_since_start') }} as month
    from (select distinct cohort_month from cohorts) as cohort_starts
    cross join ages
),

final as (
    select
        cells.cohort_month,
        cast(cells.months_since_start as bigint) as months_since_start,
        cells.month,
        cast(cohorts.cohort_customers as bigint) as cohort_customers,
        cast(cohorts.retained_customers as bigint) as retained_customers,
        cast(cohorts.cohort_mrr as decimal(38, 4)) as cohort_mrr,
        cast(cohorts.retained_mrr as decimal(38, 4)) as retained_mrr,
        {{ exact_ratio('cohorts.retained_customers', 'cohorts.cohort_customers') }} as logo_retention,
        {{ exact_ratio('cohorts.retained_mrr', 'cohorts.cohort_mrr') }} as mrr_retention,
        cohorts.cohort_month is null as is_immature,
        coalesce(dim_months.is_complete_month, false) as is_complete_month
    from cells
    left join cohorts
        on
            cells.cohort_month = cohorts.cohort_month
            and cells.months_since_start = cohorts.months_since_start
    left join dim_months on cells.month = dim_months.month
)

select * from final
