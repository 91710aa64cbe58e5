{# Exact arithmetic: the only division. Decimals are scaled to integers, divided once, rounded half away from zero. #}

{# A decimal expression with at most `digits` decimals, as an integer number of 10^-digits. #}
{% macro scaled(amount, digits) -%}
    {{ return(adapter.dispatch('scaled', 'keizoku')(amount, digits)) }}
{%- endmacro %}

{% macro default__scaled(amount, digits) -%}
    cast(cast({{ amount }} as decimal(38, {{ digits }})) * 1{{ '0' * digits }} as decimal(38, 0))
{%- endmacro %}

{% macro duckdb__scaled(amount, digits) -%}
    cast(cast({{ amount }} as decimal(38, {{ digits }})) * 1{{ '0' * digits }} as hugeint)
{%- endmacro %}

{# Integer / integer (denominator above 0), rounded half away from zero to an integer. #}
{% macro round_half_away(numerator, denominator) -%}
    {{ return(adapter.dispatch('round_half_away', 'keizoku')(numerator, denominator)) }}
{%- endmacro %}

{% macro default__round_half_away(numerator, denominator) -%}
    (sign({{ numerator }}) * div(2 * abs({{ numerator }}) + ({{ denominator }}), 2 * ({{ denominator }})))
{%- endmacro %}

{% macro duckdb__round_half_away(numerator, denominator) -%}
    (sign({{ numerator }}) * ((2 * abs({{ numerator }}) + ({{ denominator }})) // (2 * ({{ denominator }}))))
{%- endmacro %}

{#
  Money in major units, decimal(18,4), from an exact fraction of two integers: `numerator` counts 10^-digits of a
  major unit. `minor_units` is how many minor units make a major one (JPY 1, USD 100). Rounds once.
#}
{% macro to_money(numerator, denominator, digits, minor_units) -%}
    cast(
        cast(
            {{ round_half_away('(' ~ numerator ~ ') * (' ~ minor_units ~ ')', '(' ~ denominator ~ ') * ' ~ whole('1' ~ '0' * digits)) }}
            * {{ integer_divide(10000, minor_units) }} as decimal(22, 0)
        ) * cast(0.0001 as decimal(5, 4)) as decimal(18, 4)
    )
{%- endmacro %}

{# How many minor units make a major one, from the digits of the minor unit. #}
{% macro minor_units_of(digits) -%}
    cast(case {{ digits }} when 0 then 1 when 1 then 10 when 2 then 100 when 3 then 1000 else 10000 end as bigint)
{%- endmacro %}

{% macro integer_divide(numerator, denominator) -%}
    {{ return(adapter.dispatch('integer_divide', 'keizoku')(numerator, denominator)) }}
{%- endmacro %}

{% macro default__integer_divide(numerator, denominator) -%}
    div({{ numerator }}, {{ denominator }})
{%- endmacro %}

{% macro duckdb__integer_divide(numerator, denominator) -%}
    ({{ numerator }} // {{ denominator }})
{%- endmacro %}

{# An integer wide enough for exact products. #}
{% macro whole(number) -%}
    {{ return(adapter.dispatch('whole', 'keizoku')(number)) }}
{%- endmacro %}

{% macro default__whole(number) -%}
    cast({{ number }} as decimal(38, 0))
{%- endmacro %}

{% macro duckdb__whole(number) -%}
    cast({{ number }} as hugeint)
{%- endmacro %}

{#
  numerator / denominator as decimal(38,10), half away from zero; null where the denominator is 0 or null.
  Both are decimals with at most 4 decimals; the denominator is not negative.
#}
{% macro exact_ratio(numerator, denominator) -%}
    {{ return(adapter.dispatch('exact_ratio', 'keizoku')(numerator, denominator)) }}
{%- endmacro %}

{% macro default__exact_ratio(numerator, denominator) -%}
    {%- set n = scaled(numerator, 4) -%}
    {%- set d = 'nullif(' ~ scaled(denominator, 4) ~ ', 0)' -%}
    {%- set ten_digits = whole('10000000000') -%}
    cast(
        sign({{ n }}) * (
            cast({{ integer_divide('abs(' ~ n ~ ')', d) }} as decimal(28, 0))
            + cast(
                {{ round_half_away('(abs(' ~ n ~ ') % ' ~ d ~ ') * ' ~ ten_digits, d) }} as decimal(28, 0)
            ) * cast(0.0000000001 as decimal(10, 10))
        ) as decimal(38, 10)
    )
{%- endmacro %}

{# For survival curves and compounded rates only, never for money. #}
{% macro approximate(value) -%}
    {{ return(adapter.dispatch('approximate', 'keizoku')(value)) }}
{%- endmacro %}

{% macro default__approximate(value) -%}
    cast({{ value }} as double)
{%- endmacro %}

{% macro postgres__approximate(value) -%}
    cast({{ value }} as double precision)
{%- endmacro %}

{# An approximate number as decimal(38,10). #}
{% macro from_approximate(value) -%}
    {{ return(adapter.dispatch('from_approximate', 'keizoku')(value)) }}
{%- endmacro %}

{% macro default__from_approximate(value) -%}
    cast({{ value }} as decimal(38, 10))
{%- endmacro %}

{# PostgreSQL makes a decimal of the first 15 digits, a text of all of them. #}
{% macro postgres__from_approximate(value) -%}
    cast(cast({{ value }} as varchar) as decimal(38, 10))
{%- endmacro %}
