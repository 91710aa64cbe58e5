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

-- Several contracts renewed as one need more than the column: pairs of subscriptions that are contracts by the same id.
lineage as (
    select
        contract_id as renewal_id,
        renews_contract_id as contract_id
    from contracts

    union distinct

    select
        subscription_id as renewal_id,
        replaces_subscription_id as contract_id
    from {{ ref('stg_subscription_replacements') }}
),

-- What renews a contract within the days given.
links as (
    select
        ended.contract_id,
        ended.currency,
        ended.amount_units,
        ended.month,
        followers.contract_id as renewal_id,
        followers.currency as renewal_currency,
        followers.amount_units as renewal_units
    from contracts as ended
    cross join {{ ref('stg_run_settings') }} as settings
    inner join lineage on ended.contract_id = lineage.contract_id
    inner join contracts as followers
        on
            lineage.renewal_id = followers.contract_id
            and ended.contract_id <> followers.contract_id
            and ended.account_id = followers.account_id
            and {{ known_on }} >= followers.start_date
),

-- All that one contract renews, each time at the plan rates of the month in which one of them ends.
siblings as (
    select
        links.contract_id,
        links.renewal_id,
        links.contract_id = others.contract_id as is_self,
        links.contract_id > others.contract_id as is_before,
        {{ scaled(amount_at_rate('others.amount_units', 'rates.plan_rate', 'settings.minor_units'), 4) }}
            as other_units,
        {{ scaled(amount_at_rate('links.renewal_units', 'renewal_rates.plan_rate', 'settings.minor_units'), 4) }}
            as renewal_units
    from links
    cross join {{ ref('stg_run_settings') }} as settings
    inner join links as others on links.renewal_id = others.renewal_id
    inner join {{ ref('int_plan_rates') }} as rates on others.currency = rates.currency and links.month = rates.month
    inner join {{ ref('int_plan_rates') }} as renewal_rates
        on links.renewal_currency = renewal_rates.currency and links.month = renewal_rates.month
),

sums as (
    select
        contract_id,
        renewal_id,
        renewal_units,
        {{ whole('sum(case when is_before then other_units else 0 end)') }} as earlier,
        {{ whole('sum(case when is_before or is_self then other_units else 0 end)') }} as units_to,
        {{ whole('sum(other_units)') }} as all_units
    from siblings
    group by contract_id, renewal_id, renewal_units
),

-- What renews several contracts goes on in each by its part of their sum; rounded so far, less what was rounded before,
-- so that the parts sum to the whole.
renewed as (
    select
        sums.contract_id,
        sum(
            case
                when sums.all_units > 0 then
                    {{ to_money('sums.renewal_units * sums.units_to', 'sums.all_units', 4, 'settings.minor_units') }}
                    - {{ to_money('sums.renewal_units * sums.earlier', 'sums.all_units', 4, 'settings.minor_units') }}
                else 0
            end
        ) as amount
    from sums
    cross join {{ ref('stg_run_settings') }} as settings
    group by sums.contract_id
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
        {{ amount_at_rate('ended.amount_units', 'rates.plan_rate', 'settings.minor_units') }} as ended_amount,
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
