with raw_rows as (
    select * from {{ source('raw', 'csm_assignments') }}
),

stg_run_settings as (
    select * from {{ ref('stg_run_settings') }}
),

stg_accounts as (
    select * from {{ ref('stg_accounts') }}
),

standing as (
    select
        raw_rows.*,
        {{ copy_number('csm_assignments') }} as copy_number,
        {{ key_standing('csm_assignments', ['account_id', 'valid_from']) }} as key_standing
    from raw_rows
),

judged_alone as (
    select
        standing.*,
        case
            when standing.key_standing in ('duplicate', 'deleted') then standing.key_standing
            {{ value_rules('csm_assignments') }}
            when standing.key_standing = 'conflicting_key' then 'conflicting_key'
            when standing.valid_to < standing.valid_from then 'end_before_start'
            when stg_accounts.account_id is null then 'unknown_account'
        end as own_rule
    from standing
    cross join stg_run_settings as settings
    left join stg_accounts on standing.account_id = stg_accounts.account_id
),

overlap_checks as (
    select
        account_id,
        valid_from,
        {{ overlap_rule('account_id', 'valid_from', 'overlapping_periods') }} as overlap_rule
    from judged_alone
    where own_rule is null and (valid_to is null or valid_from < valid_to)
),

final as (
    select
        judged_alone.*,
        coalesce(judged_alone.own_rule, overlap_checks.overlap_rule) as rejection_rule
    from judged_alone
    left join overlap_checks
        on judged_alone.account_id = overlap_checks.account_id and judged_alone.valid_from = overlap_checks.valid_from
)

select * from final
