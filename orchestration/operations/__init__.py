"""What keeps an unattended run safe: the lock, failures and their alerts."""
