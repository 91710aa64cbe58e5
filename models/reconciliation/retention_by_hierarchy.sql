-- The cohort's openings are the same on both bases: whoever paid then paid as somebody's account.
with both_bases as (
    {% for account, opening, closing, change, cause, relation in [
        ('account_id', 'opening_mrr', 'closing_mrr', '0', 'cast(null as ' ~ dbt.type_string() ~ ')', ref('fct_retention_account_months')),
        ('root_today_id', '0', '0', 'change_mrr', 'cause', ref('int_hierarchy_changes')),
    ] %}
    select
        {{ account }} as account_id,
        month,
        window_months,
        {{ opening }} as opening_mrr,
        {{ closing }} as closing_mrr,
        {{ change }} as change_mrr,
        {{ cause }} as cause
    from {{ relation }}
    {{ 'union all' if not loop.last }}
    {% endfor %}
),

final as (
    select
        account_id,
        month,
        cast(window_months as bigint) as window_months,
        case when min(cause) = max(cause) then min(cause) when min(cause) is not null then 'several' end as cause,
        cast(sum(opening_mrr) as decimal(18, 4)) as as_was_opening_mrr,
        cast(sum(closing_mrr + change_mrr) as decimal(18, 4)) as as_was_closing_mrr,
        cast(sum(opening_mrr) as decimal(18, 4)) as as_is_opening_mrr,
        cast(sum(closing_mrr) as decimal(18, 4)) as as_is_closing_mrr
    from both_bases
    group by account_id, month, window_months
)

select * from final
