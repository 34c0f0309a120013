"""What membership does: load, decide, save, say. The caller owns the transaction."""
