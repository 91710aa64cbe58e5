with closes as (
    select * from {{ source('state', 'closes') }}
),

final as (
    select
        entry_number,
        action,
        month,
        reason,
        made_by,
        approved_by,
        os_user,
        build_id,
        currency,
        time_zone,
        policy_version,
        row_hash as chain_head,
        data_through_by,
        row_count,
        is_in_force,
        as_of_date,
        data_through,
        made_at
    from closes
)

select * from final
