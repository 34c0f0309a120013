"""Background loops: each is a `run` (when) and a `run_once` (what)."""
