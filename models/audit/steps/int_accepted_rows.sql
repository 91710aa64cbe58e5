{% set days = ('start_date', 'period', 'rate_date') %}

with settings as (
    select * from {{ ref('stg_run_settings') }}
),

day_bounds as (
    select
        time_zone,
        {{ add_days('as_of_date', -34) }} as past_on,
        {{ add_days('as_of_date', -6) }} as week_on,
        {{ add_days('as_of_date', 1) }} as end_on
    from settings
),

bounds as (
    select
        day_bounds.*,
        {{ utc_midnight('past_on', 'time_zone') }} as past_at,
        {{ utc_midnight('week_on', 'time_zone') }} as week_at,
        {{ utc_midnight('end_on', 'time_zone') }} as end_at
    from day_bounds
),

counts as (
    {% for table, (relation, column) in contract_tables().items() %}
    {% set dated, unit = column or 'end_at', 'on' if column in days else 'at' %}
    select
        '{{ table }}' as table_name,
        count(*) as accepted_count,
        {% set newest = 'max(case when ' ~ dated ~ ' < end_' ~ unit ~ ' then ' ~ dated ~ ' end)' %}
        {{ newest if unit == 'at' else 'cast(null as timestamp)' }} as newest_at,
        {{ newest if unit == 'on' else 'cast(null as date)' }} as newest_on,
        count(case when {{ dated }} >= week_{{ unit }} and {{ dated }} < end_{{ unit }} then 1 end)
            as last_7_days_count,
        count(case when {{ dated }} >= past_{{ unit }} and {{ dated }} < week_{{ unit }} then 1 end)
            as previous_28_days_count
    from {{ ref(relation) }}
    cross join bounds
    {{ 'where rejection_rule is null' if relation.startswith('base_') }}
    {{ 'union all' if not loop.last }}
    {% endfor %}
),

final as (
    select
        counts.table_name,
        counts.accepted_count,
        counts.last_7_days_count,
        counts.previous_28_days_count,
        coalesce(counts.newest_on, {{ local_date('counts.newest_at', 'bounds.time_zone') }}) as newest_on
    from counts
    cross join bounds
)

select * from final
