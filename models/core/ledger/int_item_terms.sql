with int_item_lines as (
    select * from {{ ref('int_item_lines') }}
),

int_trials as (
    select * from {{ ref('int_trials') }}
    where kind = 'trial'
),

int_account_roots as (
    select * from {{ ref('int_account_roots') }}
),

settings as (
    select * from {{ ref('stg_run_settings') }}
),

-- In force before a trial, which is for nothing (else it were an offer), and after it.
tried_lines as (
    select
        int_item_lines.*,
        int_item_lines.from_at as served_from_at,
        least(int_item_lines.to_at, int_trials.from_at) as served_to_at
    from int_item_lines
    inner join int_trials on int_item_lines.subscription_id = int_trials.subscription_id
    where int_item_lines.from_at < int_trials.from_at
    union all
    select
        int_item_lines.*,
        greatest(int_item_lines.from_at, int_trials.to_at) as served_from_at,
        int_item_lines.to_at as served_to_at
    from int_item_lines
    left join int_trials on int_item_lines.subscription_id = int_trials.subscription_id
    where int_trials.subscription_id is null or int_trials.to_at is not null
),

final as (
    select
        int_account_roots.root_account_id as account_id,
        tried_lines.item_version_id,
        tried_lines.subscription_item_id,
        tried_lines.subscription_id,
        tried_lines.product_id,
        tried_lines.product_family,
        tried_lines.currency,
        tried_lines.tier_rank,
        tried_lines.quantity,
        tried_lines.unit_numerator,
        tried_lines.list_numerator,
        tried_lines.discount_numerator,
        tried_lines.monthly_numerator,
        tried_lines.monthly_denominator,
        tried_lines.served_from_at as from_at,
        tried_lines.served_to_at as to_at
    from tried_lines
    inner join int_account_roots on tried_lines.account_id = int_account_roots.account_id
    cross join settings
    where
        not int_account_roots.is_excluded
        and (tried_lines.served_to_at is null or tried_lines.served_from_at < tried_lines.served_to_at)
        and {{ local_date('tried_lines.served_from_at', 'settings.time_zone') }} <= settings.as_of_date
)

select * from final
