"""What readers get beside the tables. It reads published tables only."""
