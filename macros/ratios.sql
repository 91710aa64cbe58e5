{#
  The rows of a metric that is a ratio, from a step or model with a row a month and segment. `numerator`, `denominator`
  and `sample_size` are expressions over its columns; `null_reason` says why there is no ratio (null where there is one),
  and a denominator of 0 is named by `when_empty`; all of it is null when one of the raw `tables` is withheld. A segment that nobody stands in has no row, the total always has one.
#}
{% macro ratio_rows(
    metric_key, segments, numerator, denominator, sample_size, when_empty='no_customers', null_reason=none, tables=[]
) -%}
    select
        '{{ metric_key }}' as metric_key,
        parts.month,
        parts.segment_type,
        parts.segment_value,
        parts.numerator,
        parts.denominator,
        case when parts.null_reason is null then {{ exact_ratio('parts.numerator', 'parts.denominator') }} end
            as metric_value,
        parts.sample_size,
        coalesce(parts.null_reason, case when parts.denominator = 0 then '{{ when_empty }}' end) as null_reason
    from (
        select
            month,
            segment_type,
            segment_value,
            {% set part = 'case when withheld.withheld_reason is null then {} end' if tables else '{}' -%}
            cast({{ part.format(numerator) }} as decimal(38, 4)) as numerator,
            cast({{ part.format(denominator) }} as decimal(38, 4)) as denominator,
            {{ sample_size }} as sample_size,
            {% set reason = null_reason or 'cast(null as ' ~ dbt.type_string() ~ ')' -%}
            {{ 'coalesce(withheld.withheld_reason, ' ~ reason ~ ')' if tables else reason }} as null_reason
        from {{ segments }}
        {%- if tables %}
        cross join {{ withheld(tables) }} as withheld
        {%- endif %}
    ) as parts
    where parts.segment_type = 'total' or parts.sample_size > 0
{%- endmacro %}

{#
  The rows of a metric that is a level: its own numerator, without a denominator. `level`, `sample_size` and
  `null_reason` are as in ratio_rows.
#}
{% macro level_rows(metric_key, segments, level, sample_size, null_reason=none) -%}
    {% set reason = null_reason or 'cast(null as ' ~ dbt.type_string() ~ ')' -%}
    {% set told = 'case when (' ~ null_reason ~ ') is null then ' ~ level ~ ' end' if null_reason else level -%}
    select
        '{{ metric_key }}' as metric_key,
        month,
        segment_type,
        segment_value,
        cast({{ told }} as decimal(38, 4)) as numerator,
        cast(null as decimal(38, 4)) as denominator,
        cast({{ told }} as decimal(38, 10)) as metric_value,
        {{ sample_size }} as sample_size,
        {{ reason }} as null_reason
    from {{ segments }}
    where segment_type = 'total' or {{ sample_size }} > 0
{%- endmacro %}
