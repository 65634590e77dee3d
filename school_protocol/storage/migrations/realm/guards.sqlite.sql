-- What guards the rows of a realm.

CREATE TRIGGER event_follows BEFORE INSERT ON event WHEN NEW.seq <> 1 + coalesce((SELECT max(seq) FROM event WHERE case_id = NEW.case_id), 0) OR NEW.seq > 1 AND NEW.prev_hash IS NOT (SELECT hash FROM event WHERE case_id = NEW.case_id AND seq = NEW.seq - 1) BEGIN SELECT RAISE(ABORT, 'event: it must follow the last one and be linked to it'); END;

CREATE TRIGGER access_follows BEFORE INSERT ON access WHEN NEW.place <> 1 + max(coalesce((SELECT max(place) FROM access), 0), coalesce((SELECT max(last_place) FROM access_batch), 0)) OR EXISTS (SELECT 1 FROM access WHERE id = NEW.id) BEGIN SELECT RAISE(ABORT, 'access: it must follow the last one'); END;

CREATE TRIGGER access_batch_follows BEFORE INSERT ON access_batch WHEN NEW.seq <> 1 + coalesce((SELECT max(seq) FROM access_batch), 0) OR NEW.first_place <> 1 + coalesce((SELECT max(last_place) FROM access_batch), 0) OR NEW.seq > 1 AND NEW.prev_hash IS NOT (SELECT hash FROM access_batch WHERE seq = NEW.seq - 1) BEGIN SELECT RAISE(ABORT, 'access_batch: it must follow the last one and be linked to it'); END;

CREATE TRIGGER anchor_taken_follows BEFORE INSERT ON anchor_taken WHEN NEW.seq <= coalesce((SELECT max(seq) FROM anchor_taken), 0) BEGIN SELECT RAISE(ABORT, 'anchor_taken: it must follow the last one'); END;

CREATE TRIGGER tombstone_of_held BEFORE INSERT ON tombstone WHEN NEW.seq = 0 AND EXISTS (SELECT 1 FROM erasure_bar WHERE case_id = NEW.case_id AND until > NEW.at) BEGIN SELECT RAISE(ABORT, 'the case is held: nobody erases it now'); END;

CREATE TRIGGER case_key_of_held BEFORE DELETE ON case_key WHEN EXISTS (SELECT 1 FROM erasure_bar WHERE case_id = OLD.case_id) AND NOT EXISTS (SELECT 1 FROM tombstone WHERE case_id = OLD.case_id AND seq = 0) BEGIN SELECT RAISE(ABORT, 'the case is held: nobody erases it now'); END;

CREATE TRIGGER case_record_numbered BEFORE INSERT ON case_record WHEN EXISTS (SELECT 1 FROM case_record WHERE number = NEW.number) BEGIN SELECT RAISE(ABORT, 'case_record is append-only'); END;
