"""The commands that people and schedules run; nothing below imports them."""
