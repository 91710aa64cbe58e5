{# Figures that are withheld because a raw table that they need lost too many of its rows. #}

{#
  Tables whose loss leaves MRR as it is: seeds/reject_limits.csv may say of these that a breach withholds what needs
  them. Contracts and unit economics stop a run, and are here to say why nothing is left of them when that is accepted.
#}
{% macro side_tables() -%}
    {{ return([
        'usage_events', 'features', 'users', 'survey_responses', 'onboarding_milestones', 'support_tickets',
        'engagement_activities', 'csm_assignments', 'opportunities', 'handoffs', 'cs_feedback', 'referrals',
        'survey_sends', 'success_plans', 'contracts', 'unit_economics',
    ]) }}
{%- endmacro %}

{# What usage is counted from: who is internal and what is core decide as much as the events do. #}
{% macro usage_tables() -%}
    {{ return(['usage_events', 'features', 'users']) }}
{%- endmacro %}

{# One row: why what needs any of these tables is withheld, null when it is not. A relation, to join to. #}
{% macro withheld(tables) -%}
    (
            select min(stg_withheld_tables.null_reason) as withheld_reason
            from {{ ref('stg_withheld_tables') }} as stg_withheld_tables
            where stg_withheld_tables.table_name in ('{{ tables | join("', '") }}')
        )
{%- endmacro %}

{# A condition: none of these tables is withheld. #}
{% macro none_is_withheld(tables) -%}
    not exists (
        select 1
        from {{ ref('stg_withheld_tables') }} as stg_withheld_tables
        where stg_withheld_tables.table_name in ('{{ tables | join("', '") }}')
    )
{%- endmacro %}
