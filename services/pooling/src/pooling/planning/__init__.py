"""The role `matcher`: plans the whole territory, beside `match`, which answers one request at a time.

It reads a consistent snapshot, divides it into parts that have nothing in common, solves in a process of its own those
that changed, and commits what still holds.
"""
