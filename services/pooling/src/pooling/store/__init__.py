"""Every SQL statement, by topic; rows to domain values and back.

Lock order, everywhere: member, resource (sorted by id), request, match, booking (each sorted by id).
"""
