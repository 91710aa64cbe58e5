with recursive stg_run_settings as (
    select * from {{ ref('stg_run_settings') }}
),

stg_accounts as (
    select * from {{ ref('stg_accounts') }}
),

standing as (
    select
        raw_rows.*,
        {{ copy_number('account_parents') }} as copy_number,
        {{ key_standing('account_parents', ['account_id', 'valid_from']) }} as key_standing
    from {{ source('raw', 'account_parents') }} as raw_rows
),

judged_alone as (
    select
        standing.*,
        case
            when standing.key_standing in ('duplicate', 'deleted') then standing.key_standing
            {{ value_rules('account_parents') }}
            when standing.key_standing = 'conflicting_key' then 'conflicting_key'
            when standing.valid_to < standing.valid_from then 'end_before_start'
            when children.account_id is null then 'unknown_account'
            when parents.account_id is null then 'unknown_parent'
        end as own_rule
    from standing
    cross join stg_run_settings as settings
    left join stg_accounts as children on standing.account_id = children.account_id
    left join stg_accounts as parents on standing.parent_account_id = parents.account_id
),

periods as (
    select
        account_id,
        valid_from as first_from,
        parent_account_id as ancestor_id,
        valid_from,
        coalesce(valid_to, cast('9999-12-31' as timestamp)) as valid_to,
        {{ overlap_rule('account_id', 'valid_from', 'overlapping_periods') }} as overlap_rule
    from judged_alone
    where own_rule is null and (valid_to is null or valid_from < valid_to)
),

-- Up from every period, through the parents of the same time, until it meets itself. No company has 100 levels.
walks as (
    select
        periods.*,
        1 as step_count
    from periods
    where overlap_rule is null
    union all
    select
        walks.account_id,
        walks.first_from,
        periods.ancestor_id,
        greatest(walks.valid_from, periods.valid_from) as valid_from,
        least(walks.valid_to, periods.valid_to) as valid_to,
        walks.overlap_rule,
        walks.step_count + 1 as step_count
    from walks
    inner join periods
        on walks.ancestor_id = periods.account_id
        and walks.valid_from < periods.valid_to and walks.valid_to > periods.valid_from
    where periods.overlap_rule is null and walks.ancestor_id <> walks.account_id and walks.step_count < 100
),

cycles as (
    select distinct
        account_id,
        first_from,
        'parent_cycle' as cycle_rule
    from walks
    where account_id = ancestor_id
),

final as (
    select
        judged_alone.*,
        coalesce(judged_alone.own_rule, periods.overlap_rule, cycles.cycle_rule) as rejection_rule
    from judged_alone
    left join periods on judged_alone.account_id = periods.account_id and judged_alone.valid_from = periods.first_from
    left join cycles on judged_alone.account_id = cycles.account_id and judged_alone.valid_from = cycles.first_from
)

select * from final
