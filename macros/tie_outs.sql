{# Tolerances of tie-outs, which a seed holds: the larger of a share of the figure and an amount. #}

{# The bounds of a tie-out in the reporting currency, as a one-row select of relative_tolerance and absolute_tolerance. #}
{% macro tie_out_bounds(tie_out) -%}
    select
            coalesce(max(tolerances.relative_tolerance), 0) as relative_tolerance,
            coalesce(max(tolerances.absolute_tolerance), 0) as absolute_tolerance
        from {{ ref('tie_out_tolerances') }} as tolerances
        inner join {{ ref('stg_run_settings') }} as run
            on tolerances.currency = run.currency or tolerances.currency = 'any'
        where tolerances.tie_out = '{{ tie_out }}'
{%- endmacro %}

{# What a difference may be beside a figure, from the row `bounds` and the run's settings joined as `settings`. #}
{% macro tie_out_tolerance(figure) -%}
    greatest(
            bounds.absolute_tolerance,
            {{ to_money(
                whole('abs(' ~ scaled(figure, 4) ~ ')') ~ ' * ' ~ scaled('bounds.relative_tolerance', 8),
                '1', 12, 'settings.minor_units',
            ) }}
        )
{%- endmacro %}
