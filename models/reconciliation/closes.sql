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
        build_id,
        currency,
        time_zone,
        policy_version,
        row_hash as chain_head,
        row_count,
        is_in_force,
        as_of_date,
        made_at
    from closes
)

select * from final
