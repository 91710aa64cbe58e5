{{ config(materialized='view') }}

with base_opportunities as (
    select * from {{ ref('base_opportunities') }}
),

stg_run_settings as (
    select * from {{ ref('stg_run_settings') }}
),

final as (
    select
        base_opportunities.opportunity_id,
        base_opportunities.account_id,
        base_opportunities.opportunity_type,
        base_opportunities.currency,
        base_opportunities.annual_amount,
        base_opportunities.is_won,
        base_opportunities.closed_at,
        {{ local_date('base_opportunities.closed_at', 'settings.time_zone') }} as closed_on
    from base_opportunities
    cross join stg_run_settings as settings
    where base_opportunities.rejection_rule is null
)

select * from final
