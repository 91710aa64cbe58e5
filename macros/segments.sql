{#
  Segments are rows. An aggregation over never-null columns plan_tier, size_band, industry and country groups by
  `segment_sets(...)` and names the slice with `segment_type()` and `segment_value()`.
#}

{% macro segment_columns() -%}
    {{ return(['plan_tier', 'size_band', 'industry', 'country']) }}
{%- endmacro %}

{% macro segment_sets(keys) -%}
    grouping sets (
        ({{ keys }}),
        {%- for column in segment_columns() %}
        ({{ keys }}, {{ column }}){{ ',' if not loop.last }}
        {%- endfor %}
    )
{%- endmacro %}

{% macro segment_type() -%}
    case
        {%- for column in segment_columns() %}
        when grouping({{ column }}) = 0 then '{{ column }}'
        {%- endfor %}
        else 'total'
    end
{%- endmacro %}

{% macro segment_value() -%}
    case
        {%- for column in segment_columns() %}
        when grouping({{ column }}) = 0 then {{ column }}
        {%- endfor %}
        else 'total'
    end
{%- endmacro %}
