with recursive stg_run_settings as (
    select * from {{ ref('stg_run_settings') }}
),

currencies as (
    select * from {{ ref('currencies') }}
),

standing as (
    select
        raw_rows.*,
        {{ copy_number('accounts') }} as copy_number,
        {{ key_standing('accounts', ['account_id']) }} as key_standing
    from {{ source('raw', 'accounts') }} as raw_rows
),

judged_alone as (
    select
        standing.*,
        case
            when standing.key_standing in ('duplicate', 'deleted') then standing.key_standing
            {{ value_rules('accounts') }}
            when standing.key_standing = 'conflicting_key' then 'conflicting_key'
            {{ amount_rules('accounts') }}
            when currencies.currency is null then 'unknown_currency'
        end as own_rule
    from standing
    cross join stg_run_settings as settings
    left join currencies on standing.billing_currency = currencies.currency
),

sound as (
    select judged_alone.*
    from judged_alone
    where own_rule is null
),

-- From the roots down: neither a cycle nor what hangs below an unknown parent is ever reached.
reached as (
    select account_id
    from sound
    where parent_account_id is null
    union all
    select sound.account_id
    from reached
    inner join sound on reached.account_id = sound.parent_account_id
),

unreached as (
    select
        sound.account_id,
        sound.parent_account_id as ancestor_id
    from sound
    left join reached on sound.account_id = reached.account_id
    where reached.account_id is null
),

-- From each of the others up, until it meets itself; in a ring of more than 100 every parent is unknown.
walks as (
    select
        unreached.*,
        1 as step_count
    from unreached
    union all
    select
        walks.account_id,
        unreached.ancestor_id,
        walks.step_count + 1 as step_count
    from walks
    inner join unreached on walks.ancestor_id = unreached.account_id
    where walks.ancestor_id <> walks.account_id and walks.step_count < 100
),

final as (
    select
        judged_alone.*,
        case
            when judged_alone.own_rule is not null then judged_alone.own_rule
            when cycles.account_id is not null then 'parent_cycle'
            when reached.account_id is null then 'unknown_parent'
        end as rejection_rule
    from judged_alone
    left join reached on judged_alone.account_id = reached.account_id
    left join walks as cycles
        on judged_alone.account_id = cycles.account_id and cycles.account_id = cycles.ancestor_id
)

select * from final
