-- A booking without a request needs no entry among those of lines: one index less to write for it.
DROP INDEX booking_one_per_line;
CREATE UNIQUE INDEX booking_one_per_line ON booking (line_id)
WHERE line_id IS NOT NULL AND status IN ('held', 'confirmed');

-- While nothing is known of a table, as in a young database, the planner takes any index whose condition fits: counting
-- an organisation's holds went through everybody's, in order of expiry. Now that index fits only who asks about expiry.
DROP INDEX booking_lapsing;
CREATE INDEX booking_lapsing ON booking (expires_at) WHERE status = 'held' AND expires_at IS NOT NULL;
