-- Who sees a resource may lock its row, so row-level security alone would let them make it their own.

CREATE FUNCTION refuse_another_owner() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'a resource stays with its owner (row-level security)' USING ERRCODE = 'insufficient_privilege';
END
$$;

CREATE TRIGGER resource_owner_stays BEFORE UPDATE ON resource FOR EACH ROW
WHEN (old.organisation_id <> new.organisation_id OR old.pole_id <> new.pole_id)
EXECUTE FUNCTION refuse_another_owner();
