"""What pooling does, by topic: load, decide, save, say."""
