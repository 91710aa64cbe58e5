with closes as (
    select * from {{ source('state', 'closes') }}
),

final as (
    select
        entry_number,
        month,
        action,
        is_in_force,
        reason,
        made_by,
        approved_by,
        os_user,
        made_at,
        build_id,
        as_of_date,
        data_through,
        data_through_by,
        currency,
        time_zone,
        policy_version,
        row_count,
        row_hash as chain_head
    from closes
)

select * from final
