"""What is true: values, rules, refusals. Pure: no I/O, the clock is an argument.

The aggregates' values are the public states of `schemas.pooling`: nothing about them is secret, so there is one shape.
"""
