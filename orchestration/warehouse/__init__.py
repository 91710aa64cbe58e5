"""The build database, dbt's work on it, and what both leave."""
