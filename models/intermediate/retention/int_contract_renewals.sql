{% set known_on = add_days('ended.end_date', 'settings.renewal_days') %}
with contracts as (
    select
        contracts.contract_id,
        contracts.renews_contract_id,
        roots.root_account_id as account_id,
        contracts.currency,
        {{ scaled('contracts.annual_amount', 4) }} as amount_units,
        contracts.auto_renew,
        {{ month_start('contracts.end_date') }} as month,
        contracts.start_date,
        contracts.end_date
    from {{ ref('stg_contracts') }} as contracts
    cross join {{ ref('stg_run_settings') }} as settings
    inner join {{ ref('int_account_roots') }} as roots on contracts.account_id = roots.account_id
    where not roots.is_excluded and contracts.start_date <= settings.as_of_date
),

-- What renews a contract within the days given, both at the plan rates of the month in which it ends.
renewed as (
    select
        ended.contract_id,
        sum({{ to_money(
            whole('followers.amount_units') ~ ' * ' ~ scaled('rates.plan_rate', 8), '1', 12, 'settings.minor_units',
        ) }}) as amount
    from contracts as ended
    cross join {{ ref('stg_run_settings') }} as settings
    inner join contracts as followers
        on
            ended.contract_id = followers.renews_contract_id
            and ended.contract_id <> followers.contract_id
            and ended.account_id = followers.account_id
            and {{ known_on }} >= followers.start_date
    inner join {{ ref('int_plan_rates') }} as rates on followers.currency = rates.currency and ended.month = rates.month
    group by ended.contract_id
),

ended as (
    select
        ended.contract_id,
        ended.account_id,
        ended.auto_renew and exists (
            select 1 from {{ ref('int_paid_spans') }} as spans
            where
                spans.account_id = ended.account_id
                and spans.from_on <= {{ known_on }}
                and (spans.to_on is null or spans.to_on > {{ known_on }})
        ) as goes_on,
        {{ to_money(
            whole('ended.amount_units') ~ ' * ' ~ scaled('rates.plan_rate', 8), '1', 12, 'settings.minor_units',
        ) }} as ended_amount,
        ended.month
    from contracts as ended
    cross join {{ ref('stg_run_settings') }} as settings
    inner join {{ ref('int_plan_rates') }} as rates on ended.currency = rates.currency and ended.month = rates.month
),

final as (
    select
        ended.contract_id,
        ended.account_id,
        cast(ended.ended_amount as decimal(18, 4)) as ended_amount,
        cast(
            case
                when renewed.contract_id is not null then least(ended.ended_amount, renewed.amount)
                when ended.goes_on then ended.ended_amount
                else 0
            end as decimal(18, 4)
        ) as renewed_amount,
        renewed.contract_id is not null or ended.goes_on as is_renewed,
        ended.month
    from ended
    left join renewed on ended.contract_id = renewed.contract_id
)

select * from final
