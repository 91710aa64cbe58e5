"""The finance workbook of a month."""
