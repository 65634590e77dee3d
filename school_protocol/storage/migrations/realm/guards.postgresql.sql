-- What guards the rows of a realm.

CREATE FUNCTION event_follows() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $body$
DECLARE
    last event;
BEGIN
    SELECT * INTO last FROM event WHERE case_id = NEW.case_id ORDER BY seq DESC LIMIT 1;
    IF NEW.seq <> 1 + coalesce(last.seq, 0) OR (NEW.seq > 1 AND NEW.prev_hash IS DISTINCT FROM last.hash) THEN
        RAISE EXCEPTION USING ERRCODE = 'integrity_constraint_violation',
            MESSAGE = 'event: it must follow the last one and be linked to it';
    END IF;
    RETURN NEW;
END
$body$;

CREATE TRIGGER event_follows BEFORE INSERT ON event FOR EACH ROW EXECUTE FUNCTION event_follows();

CREATE SEQUENCE access_place AS bigint;

CREATE FUNCTION access_follows() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $body$
BEGIN
    IF NEW.place <= coalesce((SELECT max(last_place) FROM access_batch), 0) THEN
        RAISE EXCEPTION USING ERRCODE = 'integrity_constraint_violation',
            MESSAGE = 'access: it must follow the last one';
    END IF;
    RETURN NEW;
END
$body$;

CREATE FUNCTION access_batch_follows() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $body$
DECLARE
    last access_batch;
BEGIN
    SELECT * INTO last FROM access_batch ORDER BY seq DESC LIMIT 1;
    IF NEW.seq <> 1 + coalesce(last.seq, 0) OR NEW.first_place <> 1 + coalesce(last.last_place, 0)
        OR (NEW.seq > 1 AND NEW.prev_hash IS DISTINCT FROM last.hash) THEN
        RAISE EXCEPTION USING ERRCODE = 'integrity_constraint_violation',
            MESSAGE = 'access_batch: it must follow the last one and be linked to it';
    END IF;
    RETURN NEW;
END
$body$;

CREATE FUNCTION anchor_taken_follows() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $body$
BEGIN
    IF NEW.seq <= coalesce((SELECT max(seq) FROM anchor_taken), 0) THEN
        RAISE EXCEPTION USING ERRCODE = 'integrity_constraint_violation',
            MESSAGE = 'anchor_taken: it must follow the last one';
    END IF;
    RETURN NEW;
END
$body$;

CREATE TRIGGER access_follows BEFORE INSERT ON access FOR EACH ROW EXECUTE FUNCTION access_follows();

CREATE TRIGGER access_batch_follows BEFORE INSERT ON access_batch FOR EACH ROW EXECUTE FUNCTION access_batch_follows();

CREATE TRIGGER anchor_taken_follows BEFORE INSERT ON anchor_taken FOR EACH ROW EXECUTE FUNCTION anchor_taken_follows();

CREATE FUNCTION tombstone_of_held() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $body$
BEGIN
    IF NEW.seq = 0 AND EXISTS (SELECT 1 FROM erasure_bar WHERE case_id = NEW.case_id AND until > NEW.at) THEN
        RAISE EXCEPTION USING ERRCODE = 'integrity_constraint_violation',
            MESSAGE = 'the case is held: nobody erases it now';
    END IF;
    RETURN NEW;
END
$body$;

CREATE TRIGGER tombstone_of_held BEFORE INSERT ON tombstone FOR EACH ROW EXECUTE FUNCTION tombstone_of_held();

CREATE FUNCTION case_key_of_held() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $body$
BEGIN
    IF EXISTS (SELECT 1 FROM erasure_bar WHERE case_id = OLD.case_id)
        AND NOT EXISTS (SELECT 1 FROM tombstone WHERE case_id = OLD.case_id AND seq = 0) THEN
        RAISE EXCEPTION USING ERRCODE = 'integrity_constraint_violation',
            MESSAGE = 'the case is held: nobody erases it now';
    END IF;
    RETURN OLD;
END
$body$;

CREATE TRIGGER case_key_of_held BEFORE DELETE ON case_key FOR EACH ROW EXECUTE FUNCTION case_key_of_held();

ALTER TABLE kept_blob ALTER COLUMN content SET STORAGE EXTERNAL;
