-- Proposals whose period has begun are looked for every round of the sweeper.
CREATE INDEX match_beginning ON match (lower(period)) WHERE status = 'proposed';
