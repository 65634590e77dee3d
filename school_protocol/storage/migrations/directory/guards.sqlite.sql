-- What guards the rows of the directory.

CREATE TRIGGER definition_no_update BEFORE UPDATE OF protocol, version, digest, content, published_at ON definition BEGIN SELECT RAISE(ABORT, 'a published definition never changes'); END;

CREATE TRIGGER definition_no_delete BEFORE DELETE ON definition BEGIN SELECT RAISE(ABORT, 'a published definition never changes'); END;

CREATE TRIGGER definition_again BEFORE INSERT ON definition WHEN EXISTS (
    SELECT 1 FROM definition WHERE (protocol = NEW.protocol AND version = NEW.version) OR digest = NEW.digest
) BEGIN SELECT RAISE(ABORT, 'a published definition never changes'); END;

CREATE TRIGGER definition_draft_no_update BEFORE UPDATE OF id, protocol, version, digest, content, file, account, at, faults ON definition_draft BEGIN SELECT RAISE(ABORT, 'the bytes of a draft never change'); END;

CREATE TRIGGER definition_draft_settled BEFORE UPDATE ON definition_draft WHEN OLD.state IN ('published', 'withdrawn') BEGIN SELECT RAISE(ABORT, 'a draft that is published or withdrawn stays so'); END;

CREATE TRIGGER definition_draft_no_delete BEFORE DELETE ON definition_draft BEGIN SELECT RAISE(ABORT, 'the bytes of a draft never change'); END;

CREATE TRIGGER definition_draft_again BEFORE INSERT ON definition_draft WHEN EXISTS (SELECT 1 FROM definition_draft WHERE id = NEW.id) BEGIN SELECT RAISE(ABORT, 'the bytes of a draft never change'); END;

CREATE TRIGGER administration_link_follows BEFORE INSERT ON administration_link WHEN NEW.seq <> 1 + coalesce((SELECT max(seq) FROM administration_link), -1) OR NEW.seq > 0 AND NEW.prev_hash IS NOT (SELECT hash FROM administration_link WHERE seq = NEW.seq - 1) OR EXISTS (SELECT 1 FROM administration_link WHERE administration = NEW.administration) BEGIN SELECT RAISE(ABORT, 'administration_link: it must follow the last one and be linked to it'); END;

CREATE TRIGGER attestation_no_update BEFORE UPDATE OF id, number, workshop, place, academy, scenario, titles, protocol, protocol_version, held_on, minutes, account, attended, passed, valid_until, certificate, stood_until, attested_by, attested_at ON attestation BEGIN SELECT RAISE(ABORT, 'attestations stay as they were given'); END;

CREATE TRIGGER attestation_gone BEFORE UPDATE OF withdrawn_at, withdrawn_by, withdrawn_why, withdrawn_sentence ON attestation WHEN OLD.withdrawn_at IS NOT NULL BEGIN SELECT RAISE(ABORT, 'an attestation is withdrawn once'); END;

CREATE TRIGGER attestation_no_delete BEFORE DELETE ON attestation BEGIN SELECT RAISE(ABORT, 'attestations stay as they were given'); END;

CREATE TRIGGER attestation_again BEFORE INSERT ON attestation WHEN EXISTS (SELECT 1 FROM attestation WHERE id = NEW.id) BEGIN SELECT RAISE(ABORT, 'attestations stay as they were given'); END;
