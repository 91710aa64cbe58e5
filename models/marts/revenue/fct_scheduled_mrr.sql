with int_item_months as (
    select * from {{ ref('int_item_months') }}
),

int_item_lines as (
    select * from {{ ref('int_item_lines') }}
),

int_subscription_ends as (
    select * from {{ ref('int_subscription_ends') }}
),

int_trials as (
    select * from {{ ref('int_trials') }}
    where kind = 'trial'
),

settings as (
    select * from {{ ref('stg_run_settings') }}
),

-- What pays as of the as-of date and is known to end later.
ending as (
    select
        int_item_months.account_id,
        {{ month_start('int_subscription_ends.ended_on') }} as month,
        int_item_months.mrr as scheduled_churn_mrr,
        cast(0 as decimal(18, 4)) as signed_mrr
    from int_item_months
    cross join settings
    inner join int_subscription_ends on int_item_months.subscription_id = int_subscription_ends.subscription_id
    where
        int_item_months.mrr > 0
        and int_item_months.month = {{ month_start('settings.as_of_date') }}
        and int_subscription_ends.ended_on > settings.as_of_date
),

served as (
    select
        int_item_lines.*,
        greatest(int_item_lines.from_at, int_trials.to_at) as paid_from_at
    from int_item_lines
    left join int_trials on int_item_lines.subscription_id = int_trials.subscription_id
    where int_trials.subscription_id is null or int_trials.to_at is not null
),

-- Every item of a subscription that has not begun, as it begins to be paid for; only a row that says when it was
-- recorded tells that it was signed before.
starts as (
    select
        served.*,
        versions.recorded_at,
        settings.as_of_date,
        {{ local_date('served.paid_from_at', 'settings.time_zone') }} as starts_on,
        row_number() over (
            partition by served.subscription_item_id order by served.paid_from_at, served.item_version_id
        ) as place
    from served
    cross join settings
    inner join {{ ref('stg_subscription_item_versions') }} as versions
        on served.item_version_id = versions.item_version_id
    left join (select distinct subscription_id from {{ ref('int_item_terms') }}) as begun  -- noqa: ST05
        on served.subscription_id = begun.subscription_id
    where
        begun.subscription_id is null
        and served.list_numerator > served.discount_numerator
        and (served.to_at is null or served.paid_from_at < served.to_at)
),

signed as (
    select
        int_account_roots.root_account_id as account_id,
        {{ month_start('starts.starts_on') }} as month,
        cast(0 as decimal(18, 4)) as scheduled_churn_mrr,
        {{ money_at_rate(
            'starts.list_numerator - starts.discount_numerator', scaled('int_plan_rates.plan_rate', 8),
            'starts.monthly_denominator', 'settings.minor_units',
        ) }} as signed_mrr
    from starts
    cross join settings
    inner join {{ ref('int_account_roots') }} as int_account_roots
        on starts.account_id = int_account_roots.account_id and not int_account_roots.is_excluded
    inner join {{ ref('int_plan_rates') }} as int_plan_rates
        on
            starts.currency = int_plan_rates.currency
            and {{ month_start('settings.as_of_date') }} = int_plan_rates.month
    where starts.place = 1 and starts.recorded_at is not null and starts.starts_on > starts.as_of_date
),

known as (
    select * from ending
    union all
    select * from signed
),

final as (
    select
        account_id,
        month,
        cast(sum(scheduled_churn_mrr) as decimal(18, 4)) as scheduled_churn_mrr,
        cast(sum(signed_mrr) as decimal(18, 4)) as signed_mrr
    from known
    group by account_id, month
    having sum(scheduled_churn_mrr) + sum(signed_mrr) > 0
)

select * from final
