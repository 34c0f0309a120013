"""What is true of poles, organisations, members, projects and people. Pure: no I/O, the clock is an argument."""
