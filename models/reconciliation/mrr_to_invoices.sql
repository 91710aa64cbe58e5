{% set classes = "('invoiced'), ('timing'), ('proration'), ('one_off'), ('usage'), ('credit_note')" ~
    ", ('billed_without_contract'), ('unbilled'), ('fx'), ('manual_adjustment'), ('unexplained'), ('mrr')" %}
{% set is_breach = "rolled.class = 'unexplained' and rolled.gross_amount > " ~ tie_out_tolerance('mrr.numerator') %}
{% set lines, items = ref('invoice_line_classes'), ref('int_item_billings') %}
with adjustments as (
    select
        roots.root_account_id as account_id,
        noted.period as month,
        noted.reason || ' (' || noted.approved_by || ')' as explanation,
        {{ to_money(
            whole(scaled('noted.amount', 4)) ~ ' * ' ~ scaled('rates.plan_rate', 8), '1', 12, 'settings.minor_units',
        ) }} as amount
    from {{ ref('stg_manual_adjustments') }} as noted
    cross join {{ ref('stg_run_settings') }} as settings
    inner join {{ ref('int_account_roots') }} as roots on noted.account_id = roots.account_id and not roots.is_excluded
    inner join {{ ref('int_plan_rates') }} as rates on noted.currency = rates.currency and noted.period = rates.month
),

noted as (
    select
        account_id,
        month,
        -sum(amount) as amount
    from adjustments
    group by account_id, month
),

-- Credits explain what they lower, but not again what an adjustment explains.
credits as (
    select
        items.account_id,
        items.month,
        cast(
            sum(items.credited_mrr)
            - least(
                greatest(coalesce(max(noted.amount), 0) + sum(items.credited_mrr) - sum(items.unmatched_mrr), 0),
                greatest(least(coalesce(max(noted.amount), 0), sum(items.credited_mrr)), 0)
            ) as decimal(18, 4)
        ) as amount
    from {{ items }} as items
    left join noted
        on items.account_id = noted.account_id and items.month = noted.month
    where items.outcome = 'unexplained'
    group by items.account_id, items.month
),

-- An adjustment says what the invoices hold more than MRR does.
parts as (
    {% for class, amount, relation, condition in [
        ("'invoiced'", 'invoiced_amount', lines, 'is_published'),
        ("case when class in ('matched', 'unexplained') then 'timing' else class end", 'shift_amount', lines,
            'is_published'),
        ("'fx'", 'fx_amount', lines, 'is_published'),
        ("'one_off'", 'limited_mrr', items, 'true'),
        ("case when outcome = 'matched' then 'proration' else outcome end", 'unmatched_mrr', items,
            "outcome in ('matched', 'unbilled', 'unexplained')"),
        ("'unexplained'", '-amount', 'credits', 'true'),
        ("'credit_note'", 'amount', 'credits', 'true'),
        ("'mrr'", 'mrr', items, 'true'),
        ("'manual_adjustment'", '-amount', 'adjustments', 'true'),
        ("'unexplained'", 'amount', 'adjustments', 'true'),
    ] %}
    {% set explanation = 'explanation' if relation == 'adjustments' else 'cast(null as ' ~ dbt.type_string() ~ ')' %}
    select account_id, month, {{ class }} as class, {{ explanation }} as explanation, {{ amount }} as amount  -- noqa: LT05
    from {{ relation }} where {{ condition }}  -- noqa: LT14
    {{ 'union all' if not loop.last }}
    {% endfor %}
),

-- Every month has a total of every class.
customers as (
    select account_id, month, class, max(explanation) as explanation, cast(sum(amount) as decimal(38, 4)) as amount  -- noqa: LT05,LT09
    from parts
    group by account_id, month, class
    having sum(amount) <> 0

    union all

    select null as account_id, months.month, classes.class, null as explanation, 0 as amount  -- noqa: LT09
    from {{ ref('dim_months') }} as months cross join (values {{ classes }}) as classes (class)
),

rolled as (
    select
        account_id,
        month,
        class,
        case when grouping(account_id) = 0 then max(explanation) end as explanation,
        cast(sum(amount) as decimal(38, 4)) as amount,
        cast(sum(abs(amount)) as decimal(38, 4)) as gross_amount,
        grouping(account_id) = 1 as is_total
    from customers
    group by grouping sets ((account_id, month, class), (month, class))  -- noqa: PRS
    having grouping(account_id) = 1 or account_id is not null
),

final as (
    select
        rolled.month,
        rolled.is_total,
        coalesce(rolled.account_id, 'total') as account_id,
        rolled.class,
        rolled.amount,
        rolled.gross_amount,
        cast({{ tie_out_tolerance('mrr.numerator') }} as decimal(38, 4)) as tolerance_amount,
        {{ is_breach }} as is_breach,
        case when {{ is_breach }} then case when mrr.is_closed then 'error' else 'warn' end end as severity,
        rolled.explanation
    from rolled
    cross join {{ ref('stg_run_settings') }} as settings
    cross join ({{ tie_out_bounds('mrr_to_invoices') }}) as bounds  -- noqa: ST05
    inner join {{ ref('metric_values') }} as mrr
        on rolled.month = mrr.month and mrr.metric_key = 'mrr' and mrr.segment_type = 'total'
)

select * from final
