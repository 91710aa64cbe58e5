with recursive raw_rows as (
    select * from {{ source('raw', 'accounts') }}
),

stg_run_settings as (
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
    from raw_rows
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
    select judged_alone.account_id, judged_alone.parent_account_id
    from judged_alone
    where judged_alone.own_rule is null
),

-- From the roots down: neither a cycle nor what hangs below an unknown parent is ever reached.
reached as (
    select sound.account_id
    from sound
    where sound.parent_account_id is null
    union all
    select sound.account_id
    from reached
    inner join sound on reached.account_id = sound.parent_account_id
),

unreached as (
    select sound.account_id, sound.parent_account_id
    from sound
    left join reached on sound.account_id = reached.account_id
    where reached.account_id is null
),

parents as (
    select count(distinct unreached.parent_account_id) as parent_count from unreached
),

-- From each of the others up, until it meets itself; no cycle is longer than there are parents.
walks as (
    select unreached.account_id, unreached.parent_account_id as ancestor_id, 1 as step_count
    from unreached
    union all
    select walks.account_id, unreached.parent_account_id, walks.step_count + 1
    from walks
    inner join unreached on walks.ancestor_id = unreached.account_id
    cross join parents
    where walks.ancestor_id <> walks.account_id and walks.step_count < parents.parent_count
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
