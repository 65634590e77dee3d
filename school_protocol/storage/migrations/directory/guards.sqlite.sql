-- What guards the rows of the directory.

CREATE TRIGGER definition_no_update BEFORE UPDATE OF protocol, version, digest, content, published_at ON definition BEGIN SELECT RAISE(ABORT, 'a published definition never changes'); END;

CREATE TRIGGER definition_no_delete BEFORE DELETE ON definition BEGIN SELECT RAISE(ABORT, 'a published definition never changes'); END;

CREATE TRIGGER definition_again BEFORE INSERT ON definition WHEN EXISTS (
    SELECT 1 FROM definition WHERE (protocol = NEW.protocol AND version = NEW.version) OR digest = NEW.digest
) BEGIN SELECT RAISE(ABORT, 'a published definition never changes'); END;

CREATE TRIGGER administration_no_update BEFORE UPDATE ON administration BEGIN SELECT RAISE(ABORT, 'administration is append-only'); END;

CREATE TRIGGER administration_no_delete BEFORE DELETE ON administration BEGIN SELECT RAISE(ABORT, 'administration is append-only'); END;

CREATE TRIGGER administration_again BEFORE INSERT ON administration WHEN EXISTS (SELECT 1 FROM administration WHERE id = NEW.id) BEGIN SELECT RAISE(ABORT, 'administration is append-only'); END;

CREATE TRIGGER definition_draft_no_update BEFORE UPDATE OF id, protocol, version, digest, content, file, account, at, faults ON definition_draft BEGIN SELECT RAISE(ABORT, 'the bytes of a draft never change'); END;

CREATE TRIGGER definition_draft_settled BEFORE UPDATE ON definition_draft WHEN OLD.state IN ('published', 'withdrawn') BEGIN SELECT RAISE(ABORT, 'a draft that is published or withdrawn stays so'); END;

CREATE TRIGGER definition_draft_no_delete BEFORE DELETE ON definition_draft BEGIN SELECT RAISE(ABORT, 'the bytes of a draft never change'); END;

CREATE TRIGGER definition_draft_again BEFORE INSERT ON definition_draft WHEN EXISTS (SELECT 1 FROM definition_draft WHERE id = NEW.id) BEGIN SELECT RAISE(ABORT, 'the bytes of a draft never change'); END;

CREATE TRIGGER yearly_report_no_update BEFORE UPDATE ON yearly_report BEGIN SELECT RAISE(ABORT, 'yearly reports are append-only'); END;

CREATE TRIGGER yearly_report_no_delete BEFORE DELETE ON yearly_report BEGIN SELECT RAISE(ABORT, 'yearly reports are append-only'); END;

CREATE TRIGGER yearly_report_again BEFORE INSERT ON yearly_report WHEN EXISTS (SELECT 1 FROM yearly_report WHERE id = NEW.id) BEGIN SELECT RAISE(ABORT, 'yearly reports are append-only'); END;

CREATE TRIGGER certificate_no_update BEFORE UPDATE ON certificate BEGIN SELECT RAISE(ABORT, 'certificates are append-only'); END;

CREATE TRIGGER certificate_no_delete BEFORE DELETE ON certificate BEGIN SELECT RAISE(ABORT, 'certificates are append-only'); END;

CREATE TRIGGER certificate_again BEFORE INSERT ON certificate WHEN EXISTS (SELECT 1 FROM certificate WHERE id = NEW.id) BEGIN SELECT RAISE(ABORT, 'certificates are append-only'); END;

CREATE TRIGGER administration_link_no_update BEFORE UPDATE ON administration_link BEGIN SELECT RAISE(ABORT, 'administration_link is append-only'); END;

CREATE TRIGGER administration_link_no_delete BEFORE DELETE ON administration_link BEGIN SELECT RAISE(ABORT, 'administration_link is append-only'); END;

CREATE TRIGGER administration_link_follows BEFORE INSERT ON administration_link WHEN NEW.seq <> 1 + coalesce((SELECT max(seq) FROM administration_link), -1) OR NEW.seq > 0 AND NEW.prev_hash IS NOT (SELECT hash FROM administration_link WHERE seq = NEW.seq - 1) OR EXISTS (SELECT 1 FROM administration_link WHERE administration = NEW.administration) BEGIN SELECT RAISE(ABORT, 'administration_link: it must follow the last one and be linked to it'); END;

CREATE TRIGGER visit_entry_no_update BEFORE UPDATE ON visit_entry BEGIN SELECT RAISE(ABORT, 'visits are append-only'); END;

CREATE TRIGGER visit_entry_no_delete BEFORE DELETE ON visit_entry BEGIN SELECT RAISE(ABORT, 'visits are append-only'); END;

CREATE TRIGGER visit_entry_again BEFORE INSERT ON visit_entry WHEN EXISTS (SELECT 1 FROM visit_entry WHERE id = NEW.id) BEGIN SELECT RAISE(ABORT, 'visits are append-only'); END;

CREATE TRIGGER figure_release_no_update BEFORE UPDATE ON figure_release BEGIN SELECT RAISE(ABORT, 'issued figures are append-only'); END;

CREATE TRIGGER figure_release_no_delete BEFORE DELETE ON figure_release BEGIN SELECT RAISE(ABORT, 'issued figures are append-only'); END;

CREATE TRIGGER figure_release_again BEFORE INSERT ON figure_release WHEN EXISTS (SELECT 1 FROM figure_release WHERE id = NEW.id) BEGIN SELECT RAISE(ABORT, 'issued figures are append-only'); END;

CREATE TRIGGER figure_told_no_update BEFORE UPDATE ON figure_told BEGIN SELECT RAISE(ABORT, 'issued figures are append-only'); END;

CREATE TRIGGER figure_told_no_delete BEFORE DELETE ON figure_told BEGIN SELECT RAISE(ABORT, 'issued figures are append-only'); END;

CREATE TRIGGER figure_told_again BEFORE INSERT ON figure_told WHEN EXISTS (SELECT 1 FROM figure_told WHERE release = NEW.release AND unit = NEW.unit) BEGIN SELECT RAISE(ABORT, 'issued figures are append-only'); END;

CREATE TRIGGER figure_public_no_update BEFORE UPDATE ON figure_public BEGIN SELECT RAISE(ABORT, 'issued figures are append-only'); END;

CREATE TRIGGER figure_public_no_delete BEFORE DELETE ON figure_public BEGIN SELECT RAISE(ABORT, 'issued figures are append-only'); END;

CREATE TRIGGER figure_public_again BEFORE INSERT ON figure_public WHEN EXISTS (SELECT 1 FROM figure_public WHERE id = NEW.id) BEGIN SELECT RAISE(ABORT, 'issued figures are append-only'); END;

CREATE TRIGGER figure_paper_no_update BEFORE UPDATE ON figure_paper BEGIN SELECT RAISE(ABORT, 'issued figures are append-only'); END;

CREATE TRIGGER figure_paper_no_delete BEFORE DELETE ON figure_paper BEGIN SELECT RAISE(ABORT, 'issued figures are append-only'); END;

CREATE TRIGGER figure_paper_again BEFORE INSERT ON figure_paper WHEN EXISTS (SELECT 1 FROM figure_paper WHERE id = NEW.id) BEGIN SELECT RAISE(ABORT, 'issued figures are append-only'); END;

CREATE TRIGGER api_read_no_update BEFORE UPDATE ON api_read BEGIN SELECT RAISE(ABORT, 'readings by other systems are append-only'); END;

CREATE TRIGGER api_read_no_delete BEFORE DELETE ON api_read BEGIN SELECT RAISE(ABORT, 'readings by other systems are append-only'); END;

CREATE TRIGGER api_read_again BEFORE INSERT ON api_read WHEN EXISTS (SELECT 1 FROM api_read WHERE id = NEW.id) BEGIN SELECT RAISE(ABORT, 'readings by other systems are append-only'); END;

CREATE TRIGGER attestation_no_update BEFORE UPDATE OF id, number, workshop, place, academy, scenario, titles, protocol, protocol_version, held_on, minutes, account, attended, passed, valid_until, certificate, stood_until, attested_by, attested_at ON attestation BEGIN SELECT RAISE(ABORT, 'attestations stay as they were given'); END;

CREATE TRIGGER attestation_gone BEFORE UPDATE OF withdrawn_at, withdrawn_by, withdrawn_why, withdrawn_sentence ON attestation WHEN OLD.withdrawn_at IS NOT NULL BEGIN SELECT RAISE(ABORT, 'an attestation is withdrawn once'); END;

CREATE TRIGGER attestation_no_delete BEFORE DELETE ON attestation BEGIN SELECT RAISE(ABORT, 'attestations stay as they were given'); END;

CREATE TRIGGER attestation_copy_no_update BEFORE UPDATE ON attestation_copy BEGIN SELECT RAISE(ABORT, 'attestations stay as they were given'); END;

CREATE TRIGGER attestation_copy_no_delete BEFORE DELETE ON attestation_copy BEGIN SELECT RAISE(ABORT, 'attestations stay as they were given'); END;

CREATE TRIGGER attestation_again BEFORE INSERT ON attestation WHEN EXISTS (SELECT 1 FROM attestation WHERE id = NEW.id) BEGIN SELECT RAISE(ABORT, 'attestations stay as they were given'); END;

CREATE TRIGGER attestation_copy_again BEFORE INSERT ON attestation_copy WHEN EXISTS (SELECT 1 FROM attestation_copy WHERE id = NEW.id) BEGIN SELECT RAISE(ABORT, 'attestations stay as they were given'); END;
