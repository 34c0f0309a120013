-- An event's row is written a second time when it gets its position. With room for that on its own page, only what
-- differs goes to the write-ahead log instead of the whole event again; everybody who commits waits for that log.
ALTER TABLE outbox SET (fillfactor = 50);
