"""Every SQL statement of membership: rows to domain values and back."""
