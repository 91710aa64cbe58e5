with int_renewals_by_segment as (
    select * from {{ ref('int_renewals_by_segment') }}
),

final as (
    {{ ratio_rows(
        'renewal_rate_by_count',
        'int_renewals_by_segment',
        numerator='case when is_known then renewed_contracts end',
        denominator='case when is_known then ended_contracts end',
        sample_size='ended_contracts',
        when_empty='no_contracts',
        null_reason="case when not is_known then 'not_matured' end",
        tables=['contracts'],
    ) }}
)

select * from final
