-- A row means that the months of an invoice line do not sum to it, so that a part of what was billed is in no class.
-- A developer of the tie-outs acts.
with parts as (
    select
        invoice_line_id,
        sum(native_amount) as native_amount
    from {{ ref('invoice_line_classes') }}
    group by invoice_line_id
)

select
    lines.invoice_line_id,
    lines.amount_ex_tax,
    parts.native_amount
from {{ ref('int_invoice_lines') }} as lines
full outer join parts on lines.invoice_line_id = parts.invoice_line_id
where lines.amount_ex_tax is distinct from parts.native_amount
