with int_health_customers as (
    select * from {{ ref('int_health_customers') }}
),

stg_contracts as (
    select * from {{ ref('stg_contracts') }}
),

int_account_roots as (
    select * from {{ ref('int_account_roots') }}
),

int_red_flag_facts as (
    select * from {{ ref('int_red_flag_facts') }}
),

contracts as (
    select
        int_account_roots.root_account_id as account_id,
        case when stg_contracts.auto_renew then 1 else 0 end as is_auto_renewed,
        stg_contracts.start_date,
        stg_contracts.end_date
    from stg_contracts
    inner join int_account_roots
        on
            stg_contracts.account_id = int_account_roots.account_id
            and not int_account_roots.is_excluded
),

contracts_in_force as (
    select
        customers.account_id,
        customers.month,
        min(contracts.is_auto_renewed) as is_auto_renewed
    from int_health_customers as customers
    inner join contracts
        on
            customers.account_id = contracts.account_id
            and customers.scored_on between contracts.start_date and contracts.end_date
    group by customers.account_id, customers.month
),

cancelling_customers as (
    select distinct
        customers.account_id,
        customers.month
    from int_health_customers as customers
    inner join int_red_flag_facts as facts
        on
            customers.account_id = facts.account_id
            and facts.red_flag = 'cancel_requested'
            and customers.scored_on >= facts.fact_on
            and customers.scored_on < facts.over_on
),

final as (
    select
        contracts_in_force.account_id,
        cast(
            case
                when cancelling_customers.account_id is not null then 0
                when contracts_in_force.is_auto_renewed = 0 then 50
                else 100
            end as bigint
        ) as contract_points,
        contracts_in_force.month
    from contracts_in_force
    left join cancelling_customers
        on
            contracts_in_force.account_id = cancelling_customers.account_id
            and contracts_in_force.month = cancelling_customers.month
)

select * from final
