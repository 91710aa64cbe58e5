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
    (
        {{ sign_of(numerator) }}
        * {{ integer_divide('(2 * abs(' ~ numerator ~ ') + (' ~ denominator ~ '))', '(2 * (' ~ denominator ~ '))') }}
    )
{%- endmacro %}

{# -1, 0 or 1. #}
{% macro sign_of(number) -%}
    {{ return(adapter.dispatch('sign_of', 'keizoku')(number)) }}
{%- endmacro %}

{% macro default__sign_of(number) -%}
    sign({{ number }})
{%- endmacro %}

{# Spark's is a floating-point number, which would make the product one. #}
{% macro spark__sign_of(number) -%}
    cast(sign({{ number }}) as integer)
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

{# An amount in ten-thousandths of its currency, at a rate, as money. #}
{% macro amount_at_rate(units, rate, minor_units) -%}
    {{ to_money(whole(units) ~ ' * ' ~ scaled(rate, 8), '1', 12, minor_units) }}
{%- endmacro %}

{#
  Money at a rate, from whole numbers: units x rate / denominator, units in 10^-8 (not negative), the rate in 10^-8.
  Exact up to the edges of 38 digits: what would not have room there is divided first, and its rest carried along.
#}
{% macro money_at_rate(units, rate_units, denominator, minor_units) -%}
    {{ return(adapter.dispatch('money_at_rate', 'keizoku')(units, rate_units, denominator, minor_units)) }}
{%- endmacro %}

{% macro default__money_at_rate(units, rate_units, denominator, minor_units) -%}
    {{ to_money('(' ~ units ~ ') * (' ~ rate_units ~ ')', denominator, 16, minor_units) }}
{%- endmacro %}

{% macro duckdb__money_at_rate(units, rate_units, denominator, minor_units) -%}
    {{ duckdb__money_between(units, rate_units, denominator, '0', rate_units, '1', minor_units) }}
{%- endmacro %}

{#
  The difference of two amounts of money at their rates, each as in `money_at_rate`, rounded once.
#}
{% macro money_between(units, rate_units, denominator, other_units, other_rate_units, other_denominator, minor_units) -%}
    {{ return(adapter.dispatch('money_between', 'keizoku')(
        units, rate_units, denominator, other_units, other_rate_units, other_denominator, minor_units
    )) }}
{%- endmacro %}

{% macro default__money_between(units, rate_units, denominator, other_units, other_rate_units, other_denominator, minor_units) -%}
    {%- set amount = '(' ~ units ~ ') * (' ~ rate_units ~ ') * (' ~ other_denominator ~ ')' -%}
    {%- set other = '(' ~ other_units ~ ') * (' ~ other_rate_units ~ ') * (' ~ denominator ~ ')' -%}
    {{ to_money(amount ~ ' - ' ~ other, '(' ~ denominator ~ ') * (' ~ other_denominator ~ ')', 16, minor_units) }}
{%- endmacro %}

{# Two whole quotients and a rest of each; the rests over one denominator, without a factor that both share. #}
{% macro duckdb__money_between(units, rate_units, denominator, other_units, other_rate_units, other_denominator, minor_units) -%}
    {%- set n, r, d = whole(units), whole(rate_units), whole(denominator) -%}
    {%- set on, ore, od = whole(other_units), whole(other_rate_units), whole(other_denominator) -%}
    {%- set shared = "cast(case when " ~ d ~ " % 100000000 = 0 and " ~ od ~ " % 100000000 = 0 then 100000000 else 1 end as hugeint)" -%}
    {%- set common = '(' ~ d ~ ' * (' ~ od ~ ' // ' ~ shared ~ '))' -%}
    {%- set rests = '((' ~ n ~ ' % ' ~ d ~ ') * ' ~ r ~ ' * (' ~ od ~ ' // ' ~ shared ~ ') - (' ~ on ~ ' % ' ~ od ~ ') * ' ~ ore ~ ' * (' ~ d ~ ' // ' ~ shared ~ '))' -%}
    {%- set wholes = '((' ~ n ~ ' // ' ~ d ~ ') * ' ~ r ~ ' - (' ~ on ~ ' // ' ~ od ~ ') * ' ~ ore ~ ' + ' ~ rests ~ ' // ' ~ common ~ ')' -%}
    {%- set rest = '(' ~ rests ~ ' % ' ~ common ~ ')' -%}
    {%- set sign = 'case when ' ~ wholes ~ ' < 0 or ' ~ wholes ~ ' = 0 and ' ~ rest ~ ' < 0 then -1 else 1 end' -%}
    {%- set minor = '(' ~ wholes ~ ' * (' ~ sign ~ ') * ' ~ minor_units ~ ')' -%}
    {%- set unit = "cast('10000000000000000' as hugeint)" -%}
    case
        when {{ n }} < 100000000000000000 and {{ on }} < 100000000000000000
            and {{ d }} < 100000 and {{ od }} < 100000 and {{ r }} < 1000000000000 and {{ ore }} < 1000000000000
            then {{ default__money_between(n, r, d, on, ore, od, minor_units) }}
        else cast(
            cast(
                ({{ sign }}) * (
                    {{ minor }} // {{ unit }}
                    + (2 * (({{ minor }} % {{ unit }}) * {{ common }} + {{ rest }} * ({{ sign }}) * {{ minor_units }}) + {{ common }} * {{ unit }})
                    // (2 * {{ common }} * {{ unit }})
                ) * {{ integer_divide(10000, minor_units) }} as decimal(22, 0)
            ) * cast(0.0001 as decimal(5, 4)) as decimal(18, 4)
        )
    end
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

{# Spark's `div` is a bigint, too small for exact products: what is left over is taken off, and the rest divides evenly. #}
{% macro spark__integer_divide(numerator, denominator) -%}
    {%- set n, d = whole(numerator), whole(denominator) -%}
    cast(({{ n }} - {{ n }} % {{ d }}) / {{ d }} as decimal(38, 0))
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
  Both are decimals with at most 4 decimals; the denominator is not negative. Whole and rest are no wider than they
  must be: where their sum might need more than 38 digits, Spark drops decimals.
#}
{% macro exact_ratio(numerator, denominator) -%}
    {%- set n = scaled(numerator, 4) -%}
    {%- set d = 'nullif(' ~ scaled(denominator, 4) ~ ', 0)' -%}
    {%- set rest = '(abs(' ~ n ~ ') % ' ~ d ~ ') * ' ~ whole('10000000000') -%}
    cast(
        cast({{ sign_of(n) }} * {{ integer_divide('abs(' ~ n ~ ')', d) }} as decimal(27, 0))
        + cast({{ sign_of(n) }} * {{ round_half_away(rest, d) }} as decimal(11, 0))
        * cast(0.0000000001 as decimal(10, 10)) as decimal(38, 10)
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
