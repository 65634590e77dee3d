-- What guards the rows of the directory.

CREATE FUNCTION refuse_definition_change() RETURNS trigger LANGUAGE plpgsql AS $body$
BEGIN
    RAISE EXCEPTION USING ERRCODE = 'integrity_constraint_violation', MESSAGE = 'a published definition never changes';
END
$body$;

CREATE TRIGGER definition_no_update BEFORE UPDATE OF protocol, version, digest, content, published_at ON definition FOR EACH ROW EXECUTE FUNCTION refuse_definition_change();

CREATE TRIGGER definition_no_delete BEFORE DELETE ON definition FOR EACH ROW EXECUTE FUNCTION refuse_definition_change();

CREATE TRIGGER definition_no_truncate BEFORE TRUNCATE ON definition FOR EACH STATEMENT EXECUTE FUNCTION refuse_definition_change();

CREATE FUNCTION refuse_draft_change() RETURNS trigger LANGUAGE plpgsql AS $body$
BEGIN
    RAISE EXCEPTION USING ERRCODE = 'integrity_constraint_violation', MESSAGE = 'the bytes of a draft never change';
END
$body$;

CREATE TRIGGER definition_draft_no_update BEFORE UPDATE OF id, protocol, version, digest, content, file, account, at, faults ON definition_draft FOR EACH ROW EXECUTE FUNCTION refuse_draft_change();

CREATE TRIGGER definition_draft_no_delete BEFORE DELETE ON definition_draft FOR EACH ROW EXECUTE FUNCTION refuse_draft_change();

CREATE TRIGGER definition_draft_no_truncate BEFORE TRUNCATE ON definition_draft FOR EACH STATEMENT EXECUTE FUNCTION refuse_draft_change();

CREATE TRIGGER definition_draft_settled BEFORE UPDATE ON definition_draft FOR EACH ROW WHEN (OLD.state IN ('published', 'withdrawn')) EXECUTE FUNCTION refuse_draft_change();

CREATE FUNCTION administration_link_follows() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $body$
DECLARE
    last administration_link;
BEGIN
    SELECT * INTO last FROM administration_link ORDER BY seq DESC LIMIT 1;
    IF NEW.seq <> 1 + coalesce(last.seq, -1) OR (NEW.seq > 0 AND NEW.prev_hash IS DISTINCT FROM last.hash) THEN
        RAISE EXCEPTION USING ERRCODE = 'integrity_constraint_violation',
            MESSAGE = 'administration_link: it must follow the last one and be linked to it';
    END IF;
    RETURN NEW;
END
$body$;

CREATE TRIGGER administration_link_follows BEFORE INSERT ON administration_link FOR EACH ROW EXECUTE FUNCTION administration_link_follows();

CREATE FUNCTION refuse_attestation_change() RETURNS trigger LANGUAGE plpgsql AS $body$
BEGIN
    RAISE EXCEPTION USING ERRCODE = 'integrity_constraint_violation', MESSAGE = 'attestations stay as they were given';
END
$body$;

CREATE TRIGGER attestation_no_update BEFORE UPDATE OF id, number, workshop, place, academy, scenario, titles, protocol, protocol_version, held_on, minutes, account, attended, passed, valid_until, certificate, stood_until, attested_by, attested_at ON attestation FOR EACH ROW EXECUTE FUNCTION refuse_attestation_change();

CREATE TRIGGER attestation_gone BEFORE UPDATE OF withdrawn_at, withdrawn_by, withdrawn_why, withdrawn_sentence ON attestation FOR EACH ROW WHEN (OLD.withdrawn_at IS NOT NULL) EXECUTE FUNCTION refuse_attestation_change();

CREATE TRIGGER attestation_no_delete BEFORE DELETE ON attestation FOR EACH ROW EXECUTE FUNCTION refuse_attestation_change();

CREATE TRIGGER attestation_no_truncate BEFORE TRUNCATE ON attestation FOR EACH STATEMENT EXECUTE FUNCTION refuse_attestation_change();
