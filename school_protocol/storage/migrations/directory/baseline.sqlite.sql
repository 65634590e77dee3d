-- Every table of the directory, with what guards its rows, on SQLite.

CREATE TABLE account (
    id VARCHAR(40) NOT NULL,
    username VARCHAR(80) NOT NULL,
    names JSON NOT NULL,
    password_hash VARCHAR(255),
    language VARCHAR(12) NOT NULL,
    certified BOOLEAN NOT NULL,
    trained_until DATE,
    active BOOLEAN NOT NULL,
    created_at DATETIME NOT NULL,
    email VARCHAR(254),
    phone VARCHAR(40),
    CONSTRAINT pk_account PRIMARY KEY (id),
    CONSTRAINT ck_account_username_said CHECK (length(username) >= 1),
    CONSTRAINT uq_account_username UNIQUE (username)
);

CREATE TABLE definition (
    protocol VARCHAR(80) NOT NULL,
    version INTEGER NOT NULL,
    digest VARCHAR(64) NOT NULL,
    content BLOB NOT NULL,
    published_at DATETIME NOT NULL,
    is_current BOOLEAN NOT NULL,
    CONSTRAINT pk_definition PRIMARY KEY (protocol, version),
    CONSTRAINT ck_definition_version_counts CHECK (version >= 1),
    CONSTRAINT ck_definition_digest_is_sha256 CHECK (length(digest) = 64),
    CONSTRAINT uq_definition_digest UNIQUE (digest)
);

CREATE UNIQUE INDEX uq_definition_one_current ON definition (protocol) WHERE is_current;

CREATE TABLE demo_letter (
    id VARCHAR(40) NOT NULL,
    receiver VARCHAR(254) NOT NULL,
    at DATETIME NOT NULL,
    language VARCHAR(8) NOT NULL,
    subject VARCHAR(200) NOT NULL,
    text VARCHAR(2000) NOT NULL,
    CONSTRAINT pk_demo_letter PRIMARY KEY (id)
);

CREATE INDEX ix_demo_letter_at_id ON demo_letter (at, id);

CREATE TABLE demo_mark (
    id INTEGER NOT NULL,
    made_at DATETIME NOT NULL,
    CONSTRAINT pk_demo_mark PRIMARY KEY (id),
    CONSTRAINT ck_demo_mark_one_alone CHECK (id = 1)
);

CREATE TABLE figure_key (
    release VARCHAR(40) NOT NULL,
    wrapped BLOB NOT NULL,
    master INTEGER NOT NULL,
    CONSTRAINT pk_figure_key PRIMARY KEY (release)
);

CREATE INDEX ix_figure_key_master ON figure_key (master);

CREATE TABLE throttle (
    id VARCHAR(40) NOT NULL,
    subject BLOB NOT NULL,
    at DATETIME NOT NULL,
    CONSTRAINT pk_throttle PRIMARY KEY (id),
    CONSTRAINT ck_throttle_subject_is_hashed CHECK (length(subject) = 32)
);

CREATE INDEX ix_throttle_at ON throttle (at);

CREATE INDEX ix_throttle_subject_at ON throttle (subject, at);

CREATE TABLE unit (
    id VARCHAR(40) NOT NULL,
    kind VARCHAR(12) NOT NULL,
    code VARCHAR(40) NOT NULL,
    names JSON NOT NULL,
    parent VARCHAR(40),
    city VARCHAR(80) NOT NULL,
    CONSTRAINT pk_unit PRIMARY KEY (id),
    CONSTRAINT ck_unit_kind_known CHECK (kind IN ('school', 'province', 'region', 'country')),
    CONSTRAINT ck_unit_school_code_is_gresa CHECK (kind <> 'school' OR length(code) = 6),
    CONSTRAINT ck_unit_not_its_own_parent CHECK (parent IS NULL OR parent <> id),
    CONSTRAINT uq_unit_code UNIQUE (code),
    CONSTRAINT fk_unit_parent FOREIGN KEY(parent) REFERENCES unit (id)
);

CREATE INDEX ix_unit_parent ON unit (parent);

CREATE TABLE used_challenge (
    hashed BLOB NOT NULL,
    expires_at DATETIME NOT NULL,
    CONSTRAINT pk_used_challenge PRIMARY KEY (hashed),
    CONSTRAINT ck_used_challenge_challenge_is_hashed CHECK (length(hashed) = 32)
);

CREATE INDEX ix_used_challenge_expires_at ON used_challenge (expires_at);

CREATE TABLE api_token (
    id VARCHAR(40) NOT NULL,
    unit VARCHAR(40) NOT NULL,
    name VARCHAR(80) NOT NULL,
    rights VARCHAR(80) NOT NULL,
    ends DATE NOT NULL,
    asked_by VARCHAR(40) NOT NULL,
    asked_at DATETIME NOT NULL,
    agreed_by VARCHAR(40),
    agreed_at DATETIME,
    account VARCHAR(40),
    hashed BLOB,
    drawn_at DATETIME,
    read_at DATETIME,
    ended_by VARCHAR(40),
    ended_at DATETIME,
    CONSTRAINT pk_api_token PRIMARY KEY (id),
    CONSTRAINT ck_api_token_name_said CHECK (length(name) >= 1),
    CONSTRAINT ck_api_token_rights_said CHECK (length(rights) >= 1),
    CONSTRAINT ck_api_token_two_people CHECK (agreed_by IS NULL OR agreed_by <> asked_by),
    CONSTRAINT ck_api_token_agreed_by_somebody CHECK ((agreed_by IS NULL) = (agreed_at IS NULL)),
    CONSTRAINT ck_api_token_token_is_hashed CHECK (hashed IS NULL OR length(hashed) = 32),
    CONSTRAINT ck_api_token_drawn_once CHECK ((hashed IS NULL) = (drawn_at IS NULL)),
    CONSTRAINT ck_api_token_agreed_before_drawn CHECK (hashed IS NULL OR (agreed_by IS NOT NULL AND account IS NOT NULL)),
    CONSTRAINT ck_api_token_ended_by_somebody CHECK ((ended_by IS NULL) = (ended_at IS NULL)),
    CONSTRAINT fk_api_token_unit FOREIGN KEY(unit) REFERENCES unit (id),
    CONSTRAINT fk_api_token_asked_by FOREIGN KEY(asked_by) REFERENCES account (id),
    CONSTRAINT fk_api_token_agreed_by FOREIGN KEY(agreed_by) REFERENCES account (id),
    CONSTRAINT fk_api_token_account FOREIGN KEY(account) REFERENCES account (id),
    CONSTRAINT uq_api_token_hashed UNIQUE (hashed),
    CONSTRAINT fk_api_token_ended_by FOREIGN KEY(ended_by) REFERENCES account (id)
);

CREATE INDEX ix_api_token_unit ON api_token (unit);

CREATE TABLE appointment (
    id VARCHAR(40) NOT NULL,
    account VARCHAR(40) NOT NULL,
    role VARCHAR(80) NOT NULL,
    unit VARCHAR(40) NOT NULL,
    starts DATE NOT NULL,
    ends DATE,
    CONSTRAINT pk_appointment PRIMARY KEY (id),
    CONSTRAINT ck_appointment_ends_after_it_starts CHECK (ends IS NULL OR ends >= starts),
    CONSTRAINT fk_appointment_account FOREIGN KEY(account) REFERENCES account (id),
    CONSTRAINT fk_appointment_unit FOREIGN KEY(unit) REFERENCES unit (id)
);

CREATE INDEX ix_appointment_account ON appointment (account);

CREATE INDEX ix_appointment_unit_role ON appointment (unit, role);

CREATE TABLE calendar (
    unit VARCHAR(40) NOT NULL,
    timezone VARCHAR(60) NOT NULL,
    opening JSON NOT NULL,
    exceptions JSON NOT NULL,
    closed JSON NOT NULL,
    CONSTRAINT pk_calendar PRIMARY KEY (unit),
    CONSTRAINT fk_calendar_unit FOREIGN KEY(unit) REFERENCES unit (id)
);

CREATE TABLE calendar_feed (
    account VARCHAR(40) NOT NULL,
    hashed BLOB NOT NULL,
    made_at DATETIME NOT NULL,
    read_at DATETIME,
    counted_from DATETIME NOT NULL,
    reads INTEGER NOT NULL,
    CONSTRAINT pk_calendar_feed PRIMARY KEY (account),
    CONSTRAINT ck_calendar_feed_token_is_hashed CHECK (length(hashed) = 32),
    CONSTRAINT ck_calendar_feed_reads_count CHECK (reads >= 0),
    CONSTRAINT fk_calendar_feed_account FOREIGN KEY(account) REFERENCES account (id),
    CONSTRAINT uq_calendar_feed_hashed UNIQUE (hashed)
);

CREATE TABLE certificate (
    id VARCHAR(40) NOT NULL,
    account VARCHAR(40) NOT NULL,
    issued DATE,
    until DATE NOT NULL,
    seen_by VARCHAR(40) NOT NULL,
    seen_at DATETIME NOT NULL,
    CONSTRAINT pk_certificate PRIMARY KEY (id),
    CONSTRAINT ck_certificate_issued_before_it_ends CHECK (issued IS NULL OR issued <= until),
    CONSTRAINT fk_certificate_account FOREIGN KEY(account) REFERENCES account (id),
    CONSTRAINT fk_certificate_seen_by FOREIGN KEY(seen_by) REFERENCES account (id)
);

CREATE INDEX ix_certificate_account_seen_at ON certificate (account, seen_at);

CREATE TABLE code_seed (
    account VARCHAR(40) NOT NULL,
    last_step INTEGER NOT NULL,
    created_at DATETIME NOT NULL,
    wrapped BLOB NOT NULL,
    master INTEGER NOT NULL,
    CONSTRAINT pk_code_seed PRIMARY KEY (account),
    CONSTRAINT fk_code_seed_account FOREIGN KEY(account) REFERENCES account (id)
);

CREATE INDEX ix_code_seed_master ON code_seed (master);

CREATE TABLE contact (
    id VARCHAR(40) NOT NULL,
    unit VARCHAR(40),
    target VARCHAR(80) NOT NULL,
    names JSON NOT NULL,
    labels JSON NOT NULL,
    city JSON NOT NULL,
    phone VARCHAR(40) NOT NULL,
    url VARCHAR(300) NOT NULL,
    hours JSON NOT NULL,
    verified_on DATE,
    verified_by VARCHAR(40),
    position INTEGER NOT NULL,
    revision INTEGER NOT NULL,
    retired_at DATETIME,
    CONSTRAINT pk_contact PRIMARY KEY (id),
    CONSTRAINT ck_contact_verified_by_somebody CHECK ((verified_on IS NULL) = (verified_by IS NULL)),
    CONSTRAINT fk_contact_unit FOREIGN KEY(unit) REFERENCES unit (id)
);

CREATE INDEX ix_contact_unit ON contact (unit);

CREATE TABLE definition_draft (
    id VARCHAR(40) NOT NULL,
    protocol VARCHAR(80) NOT NULL,
    version INTEGER NOT NULL,
    digest VARCHAR(64) NOT NULL,
    content BLOB NOT NULL,
    file VARCHAR(120) NOT NULL,
    account VARCHAR(40) NOT NULL,
    at DATETIME NOT NULL,
    state VARCHAR(12) NOT NULL,
    faults JSON NOT NULL,
    base VARCHAR(64) NOT NULL,
    report JSON,
    taken_at DATETIME,
    proposed_at DATETIME,
    agreed_by VARCHAR(40),
    settled_at DATETIME,
    CONSTRAINT pk_definition_draft PRIMARY KEY (id),
    CONSTRAINT ck_definition_draft_draft_digest_is_sha256 CHECK (length(digest) = 64),
    CONSTRAINT ck_definition_draft_draft_state_known CHECK (state IN ('uploaded', 'proposed', 'published', 'withdrawn')),
    CONSTRAINT ck_definition_draft_two_people_publish CHECK (agreed_by IS NULL OR agreed_by <> account),
    CONSTRAINT ck_definition_draft_published_is_agreed_to CHECK ((state = 'published') = (agreed_by IS NOT NULL)),
    CONSTRAINT ck_definition_draft_proposed_first CHECK (state NOT IN ('proposed', 'published') OR proposed_at IS NOT NULL),
    CONSTRAINT fk_definition_draft_account FOREIGN KEY(account) REFERENCES account (id),
    CONSTRAINT fk_definition_draft_agreed_by FOREIGN KEY(agreed_by) REFERENCES account (id)
);

CREATE INDEX ix_definition_draft_digest ON definition_draft (digest);

CREATE INDEX ix_definition_draft_state ON definition_draft (state);

CREATE TABLE digest_choice (
    account VARCHAR(40) NOT NULL,
    every VARCHAR(12) NOT NULL,
    day INTEGER NOT NULL,
    chosen_at DATETIME NOT NULL,
    CONSTRAINT pk_digest_choice PRIMARY KEY (account),
    CONSTRAINT ck_digest_choice_every_known CHECK (every IN ('at_once', 'school_days', 'weekly', 'urgent_only')),
    CONSTRAINT ck_digest_choice_day_of_a_week CHECK (day BETWEEN 0 AND 6),
    CONSTRAINT fk_digest_choice_account FOREIGN KEY(account) REFERENCES account (id)
);

CREATE TABLE duty_turn (
    id VARCHAR(40) NOT NULL,
    unit VARCHAR(40) NOT NULL,
    account VARCHAR(40) NOT NULL,
    starts DATETIME NOT NULL,
    ends DATETIME NOT NULL,
    entered_by VARCHAR(40) NOT NULL,
    entered_at DATETIME NOT NULL,
    withdrawn_at DATETIME,
    CONSTRAINT pk_duty_turn PRIMARY KEY (id),
    CONSTRAINT ck_duty_turn_begins_before_it_ends CHECK (starts < ends),
    CONSTRAINT fk_duty_turn_unit FOREIGN KEY(unit) REFERENCES unit (id),
    CONSTRAINT fk_duty_turn_account FOREIGN KEY(account) REFERENCES account (id),
    CONSTRAINT fk_duty_turn_entered_by FOREIGN KEY(entered_by) REFERENCES account (id)
);

CREATE INDEX ix_duty_turn_unit_ends ON duty_turn (unit, ends);

CREATE TABLE figure_job (
    id VARCHAR(40) NOT NULL,
    protocol VARCHAR(80) NOT NULL,
    unit VARCHAR(40) NOT NULL,
    year INTEGER NOT NULL,
    account VARCHAR(40) NOT NULL,
    role VARCHAR(80) NOT NULL,
    asked_at DATETIME NOT NULL,
    state VARCHAR(12) NOT NULL,
    done INTEGER NOT NULL,
    total INTEGER NOT NULL,
    tries INTEGER NOT NULL,
    fault VARCHAR(40) NOT NULL,
    sealed BLOB,
    taken_at DATETIME,
    settled_at DATETIME,
    press VARCHAR(64) NOT NULL,
    CONSTRAINT pk_figure_job PRIMARY KEY (id),
    CONSTRAINT ck_figure_job_figure_job_known CHECK (state IN ('counting', 'choosing', 'checking', 'issued', 'refused', 'stopped')),
    CONSTRAINT fk_figure_job_unit FOREIGN KEY(unit) REFERENCES unit (id),
    CONSTRAINT fk_figure_job_account FOREIGN KEY(account) REFERENCES account (id),
    CONSTRAINT uq_figure_job_press UNIQUE (press)
);

CREATE INDEX ix_figure_job_state ON figure_job (state);

CREATE INDEX ix_figure_job_unit_protocol_asked_at ON figure_job (unit, protocol, asked_at);

CREATE TABLE figure_release (
    id VARCHAR(40) NOT NULL,
    protocol VARCHAR(80) NOT NULL,
    version INTEGER NOT NULL,
    definition VARCHAR(64) NOT NULL,
    unit VARCHAR(40) NOT NULL,
    year INTEGER NOT NULL,
    edition INTEGER NOT NULL,
    months JSON NOT NULL,
    counted_at DATETIME NOT NULL,
    issued_at DATETIME NOT NULL,
    actor VARCHAR(40) NOT NULL,
    role VARCHAR(80) NOT NULL,
    former VARCHAR(40),
    tables JSON NOT NULL,
    sealed BLOB NOT NULL,
    CONSTRAINT pk_figure_release PRIMARY KEY (id),
    CONSTRAINT ck_figure_release_editions_count_from_one CHECK (edition >= 1),
    CONSTRAINT uq_figure_release_protocol_unit_year_edition UNIQUE (protocol, unit, year, edition),
    CONSTRAINT fk_figure_release_unit FOREIGN KEY(unit) REFERENCES unit (id),
    CONSTRAINT fk_figure_release_actor FOREIGN KEY(actor) REFERENCES account (id),
    CONSTRAINT fk_figure_release_former FOREIGN KEY(former) REFERENCES figure_release (id)
);

CREATE TABLE former_address (
    id VARCHAR(40) NOT NULL,
    account VARCHAR(40) NOT NULL,
    at DATETIME NOT NULL,
    wrapped BLOB NOT NULL,
    master INTEGER NOT NULL,
    CONSTRAINT pk_former_address PRIMARY KEY (id),
    CONSTRAINT fk_former_address_account FOREIGN KEY(account) REFERENCES account (id)
);

CREATE INDEX ix_former_address_account ON former_address (account);

CREATE INDEX ix_former_address_master ON former_address (master);

CREATE TABLE known_browser (
    hashed BLOB NOT NULL,
    account VARCHAR(40) NOT NULL,
    expires_at DATETIME NOT NULL,
    CONSTRAINT pk_known_browser PRIMARY KEY (hashed, account),
    CONSTRAINT ck_known_browser_browser_is_hashed CHECK (length(hashed) = 32),
    CONSTRAINT fk_known_browser_account FOREIGN KEY(account) REFERENCES account (id)
);

CREATE INDEX ix_known_browser_expires_at ON known_browser (expires_at);

CREATE TABLE one_time_code (
    id VARCHAR(40) NOT NULL,
    account VARCHAR(40) NOT NULL,
    purpose VARCHAR(80) NOT NULL,
    hashed BLOB NOT NULL,
    made_by VARCHAR(40) NOT NULL,
    made_at DATETIME NOT NULL,
    expires_at DATETIME NOT NULL,
    used_at DATETIME,
    CONSTRAINT pk_one_time_code PRIMARY KEY (id),
    CONSTRAINT ck_one_time_code_code_is_hashed CHECK (length(hashed) = 32),
    CONSTRAINT ck_one_time_code_expires_after_it_was_made CHECK (expires_at > made_at),
    CONSTRAINT fk_one_time_code_account FOREIGN KEY(account) REFERENCES account (id),
    CONSTRAINT uq_one_time_code_hashed UNIQUE (hashed),
    CONSTRAINT fk_one_time_code_made_by FOREIGN KEY(made_by) REFERENCES account (id)
);

CREATE INDEX ix_one_time_code_account_purpose ON one_time_code (account, purpose);

CREATE INDEX ix_one_time_code_expires_at ON one_time_code (expires_at);

CREATE TABLE openid (
    issuer VARCHAR(300) NOT NULL,
    subject VARCHAR(255) NOT NULL,
    account VARCHAR(40) NOT NULL,
    at DATETIME NOT NULL,
    CONSTRAINT pk_openid PRIMARY KEY (issuer, subject),
    CONSTRAINT uq_openid_issuer_account UNIQUE (issuer, account),
    CONSTRAINT fk_openid_account FOREIGN KEY(account) REFERENCES account (id)
);

CREATE INDEX ix_openid_account ON openid (account);

CREATE TABLE passkey (
    id VARCHAR(1400) NOT NULL,
    account VARCHAR(40) NOT NULL,
    public_key BLOB NOT NULL,
    sign_count BIGINT NOT NULL,
    name VARCHAR(60) NOT NULL,
    created_at DATETIME NOT NULL,
    used_at DATETIME,
    CONSTRAINT pk_passkey PRIMARY KEY (id),
    CONSTRAINT fk_passkey_account FOREIGN KEY(account) REFERENCES account (id)
);

CREATE INDEX ix_passkey_account ON passkey (account);

CREATE TABLE public_door (
    code VARCHAR(16) NOT NULL,
    unit VARCHAR(40) NOT NULL,
    kind VARCHAR(8) NOT NULL,
    made_at DATETIME NOT NULL,
    made_by VARCHAR(40) NOT NULL,
    ended_at DATETIME,
    ended_by VARCHAR(40),
    CONSTRAINT pk_public_door PRIMARY KEY (code),
    CONSTRAINT ck_public_door_door_kind_known CHECK (kind IN ('public', 'staff')),
    CONSTRAINT ck_public_door_door_ended_by_somebody CHECK ((ended_at IS NULL) = (ended_by IS NULL)),
    CONSTRAINT fk_public_door_unit FOREIGN KEY(unit) REFERENCES unit (id),
    CONSTRAINT fk_public_door_made_by FOREIGN KEY(made_by) REFERENCES account (id),
    CONSTRAINT fk_public_door_ended_by FOREIGN KEY(ended_by) REFERENCES account (id)
);

CREATE INDEX ix_public_door_unit ON public_door (unit);

CREATE UNIQUE INDEX uq_public_door_one_stands ON public_door (unit, kind) WHERE ended_at IS NULL;

CREATE TABLE recovery_code (
    id VARCHAR(40) NOT NULL,
    account VARCHAR(40) NOT NULL,
    hashed BLOB NOT NULL,
    used_at DATETIME,
    CONSTRAINT pk_recovery_code PRIMARY KEY (id),
    CONSTRAINT ck_recovery_code_code_is_hashed CHECK (length(hashed) = 32),
    CONSTRAINT fk_recovery_code_account FOREIGN KEY(account) REFERENCES account (id)
);

CREATE INDEX ix_recovery_code_account ON recovery_code (account);

CREATE TABLE restoration (
    id VARCHAR(40) NOT NULL,
    account VARCHAR(40) NOT NULL,
    asked_by VARCHAR(40) NOT NULL,
    asked_at DATETIME NOT NULL,
    agreed_by VARCHAR(40),
    closed_at DATETIME,
    CONSTRAINT pk_restoration PRIMARY KEY (id),
    CONSTRAINT ck_restoration_two_people CHECK (agreed_by IS NULL OR agreed_by <> asked_by),
    CONSTRAINT fk_restoration_account FOREIGN KEY(account) REFERENCES account (id),
    CONSTRAINT fk_restoration_asked_by FOREIGN KEY(asked_by) REFERENCES account (id),
    CONSTRAINT fk_restoration_agreed_by FOREIGN KEY(agreed_by) REFERENCES account (id)
);

CREATE INDEX ix_restoration_account ON restoration (account);

CREATE TABLE scenario_upload (
    id VARCHAR(40) NOT NULL,
    account VARCHAR(40),
    file VARCHAR(120) NOT NULL,
    content BLOB NOT NULL,
    digest VARCHAR(64) NOT NULL,
    at DATETIME NOT NULL,
    state VARCHAR(12) NOT NULL,
    taken_at DATETIME,
    settled_at DATETIME,
    scenario VARCHAR(80) NOT NULL,
    version INTEGER NOT NULL,
    title JSON NOT NULL,
    minutes INTEGER NOT NULL,
    faults JSON NOT NULL,
    CONSTRAINT pk_scenario_upload PRIMARY KEY (id),
    CONSTRAINT ck_scenario_upload_digest_is_sha256 CHECK (length(digest) = 64),
    CONSTRAINT ck_scenario_upload_state_known CHECK (state IN ('waiting', 'refused', 'ready', 'replaced', 'withdrawn')),
    CONSTRAINT ck_scenario_upload_waits_or_is_settled CHECK ((state = 'waiting') = (settled_at IS NULL)),
    CONSTRAINT fk_scenario_upload_account FOREIGN KEY(account) REFERENCES account (id)
);

CREATE INDEX ix_scenario_upload_account_at ON scenario_upload (account, at);

CREATE INDEX ix_scenario_upload_digest ON scenario_upload (digest);

CREATE INDEX ix_scenario_upload_state_at ON scenario_upload (state, at);

CREATE TABLE school_level (
    unit VARCHAR(40) NOT NULL,
    level VARCHAR(12) NOT NULL,
    CONSTRAINT pk_school_level PRIMARY KEY (unit),
    CONSTRAINT ck_school_level_level_known CHECK (level IN ('primary', 'lower', 'upper')),
    CONSTRAINT fk_school_level_unit FOREIGN KEY(unit) REFERENCES unit (id)
);

CREATE TABLE staff_import (
    id VARCHAR(40) NOT NULL,
    account VARCHAR(40) NOT NULL,
    at DATETIME NOT NULL,
    file VARCHAR(120) NOT NULL,
    content BLOB,
    state VARCHAR(12) NOT NULL,
    total INTEGER NOT NULL,
    done INTEGER NOT NULL,
    fault VARCHAR(200) NOT NULL,
    digest VARCHAR(64) NOT NULL,
    taken_at DATETIME,
    settled_at DATETIME,
    CONSTRAINT pk_staff_import PRIMARY KEY (id),
    CONSTRAINT ck_staff_import_import_state_known CHECK (state IN ('reading', 'ready', 'confirmed', 'applied', 'withdrawn', 'unreadable')),
    CONSTRAINT fk_staff_import_account FOREIGN KEY(account) REFERENCES account (id)
);

CREATE INDEX ix_staff_import_account ON staff_import (account);

CREATE INDEX ix_staff_import_state ON staff_import (state);

CREATE TABLE visit_entry (
    id VARCHAR(40) NOT NULL,
    visit VARCHAR(40) NOT NULL,
    number INTEGER NOT NULL,
    kind VARCHAR(12) NOT NULL,
    unit VARCHAR(40) NOT NULL,
    held_on DATE NOT NULL,
    came VARCHAR(200) NOT NULL,
    remarks VARCHAR(4000) NOT NULL,
    actions JSON NOT NULL,
    open_actions INTEGER NOT NULL,
    next_by DATE,
    actor VARCHAR(40) NOT NULL,
    role VARCHAR(80) NOT NULL,
    at DATETIME NOT NULL,
    CONSTRAINT pk_visit_entry PRIMARY KEY (id),
    CONSTRAINT ck_visit_entry_kind_known CHECK (kind IN ('recorded', 'corrected', 'done')),
    CONSTRAINT ck_visit_entry_entries_count_from_one CHECK (number >= 1),
    CONSTRAINT ck_visit_entry_actions_count CHECK (open_actions >= 0),
    CONSTRAINT uq_visit_entry_visit_number UNIQUE (visit, number),
    CONSTRAINT fk_visit_entry_unit FOREIGN KEY(unit) REFERENCES unit (id),
    CONSTRAINT fk_visit_entry_actor FOREIGN KEY(actor) REFERENCES account (id)
);

CREATE INDEX ix_visit_entry_unit_held_on_visit ON visit_entry (unit, held_on, visit);

CREATE TABLE web_session (
    token BLOB NOT NULL,
    account VARCHAR(40) NOT NULL,
    created_at DATETIME NOT NULL,
    last_seen_at DATETIME NOT NULL,
    expires_at DATETIME NOT NULL,
    user_agent VARCHAR(120) NOT NULL,
    stage VARCHAR(12) DEFAULT 'full' NOT NULL,
    CONSTRAINT pk_web_session PRIMARY KEY (token),
    CONSTRAINT ck_web_session_token_is_hashed CHECK (length(token) = 32),
    CONSTRAINT ck_web_session_expires_after_it_began CHECK (expires_at > created_at),
    CONSTRAINT fk_web_session_account FOREIGN KEY(account) REFERENCES account (id)
);

CREATE INDEX ix_web_session_account ON web_session (account);

CREATE INDEX ix_web_session_expires_at ON web_session (expires_at);

CREATE TABLE workshop (
    id VARCHAR(40) NOT NULL,
    code VARCHAR(12) NOT NULL,
    trainer VARCHAR(40),
    scenario VARCHAR(80) NOT NULL,
    version INTEGER NOT NULL,
    digest VARCHAR(64) NOT NULL,
    protocol VARCHAR(80) NOT NULL,
    protocol_version INTEGER NOT NULL,
    tables INTEGER NOT NULL,
    language VARCHAR(8) NOT NULL,
    created_at DATETIME NOT NULL,
    ended_at DATETIME,
    purge_at DATETIME NOT NULL,
    purged_at DATETIME,
    kept JSON,
    CONSTRAINT pk_workshop PRIMARY KEY (id),
    CONSTRAINT ck_workshop_tables_bounded CHECK (tables BETWEEN 1 AND 30),
    CONSTRAINT ck_workshop_ends_before_it_is_purged CHECK (purged_at IS NULL OR ended_at IS NOT NULL),
    CONSTRAINT uq_workshop_code UNIQUE (code),
    CONSTRAINT fk_workshop_trainer FOREIGN KEY(trainer) REFERENCES account (id)
);

CREATE INDEX ix_workshop_purged_at_purge_at ON workshop (purged_at, purge_at);

CREATE INDEX ix_workshop_trainer_created_at ON workshop (trainer, created_at);

CREATE TABLE yearly_report (
    id VARCHAR(40) NOT NULL,
    realm VARCHAR(80) NOT NULL,
    unit VARCHAR(40) NOT NULL,
    protocol VARCHAR(80) NOT NULL,
    version INTEGER NOT NULL,
    document VARCHAR(80) NOT NULL,
    year INTEGER NOT NULL,
    until DATE NOT NULL,
    copy INTEGER NOT NULL,
    language VARCHAR(8) NOT NULL,
    actor VARCHAR(40) NOT NULL,
    role VARCHAR(80) NOT NULL,
    reader VARCHAR(200) NOT NULL,
    at DATETIME NOT NULL,
    digest VARCHAR(64) NOT NULL,
    figures JSON NOT NULL,
    press VARCHAR(64) NOT NULL,
    CONSTRAINT pk_yearly_report PRIMARY KEY (id),
    CONSTRAINT ck_yearly_report_copies_count_from_one CHECK (copy >= 1),
    CONSTRAINT ck_yearly_report_digest_is_sha256 CHECK (length(digest) = 64),
    CONSTRAINT uq_yearly_report_realm_unit_protocol_document_year_copy UNIQUE (realm, unit, protocol, document, year, copy),
    CONSTRAINT fk_yearly_report_unit FOREIGN KEY(unit) REFERENCES unit (id),
    CONSTRAINT fk_yearly_report_actor FOREIGN KEY(actor) REFERENCES account (id),
    CONSTRAINT uq_yearly_report_press UNIQUE (press)
);

CREATE TABLE administration (
    id VARCHAR(40) NOT NULL,
    at DATETIME NOT NULL,
    actor VARCHAR(40) NOT NULL,
    kind VARCHAR(80) NOT NULL,
    unit VARCHAR(40) NOT NULL,
    account VARCHAR(40) NOT NULL,
    role VARCHAR(80) NOT NULL,
    appointment VARCHAR(40),
    other VARCHAR(40),
    number VARCHAR(13),
    starts DATE,
    ends DATE,
    withdraws BOOLEAN NOT NULL,
    reason VARCHAR(80) NOT NULL,
    sentence VARCHAR(200) NOT NULL,
    draft VARCHAR(40),
    CONSTRAINT pk_administration PRIMARY KEY (id),
    CONSTRAINT ck_administration_reason_said CHECK (length(reason) >= 1),
    CONSTRAINT ck_administration_about_something CHECK (appointment IS NOT NULL OR number IS NOT NULL),
    CONSTRAINT fk_administration_actor FOREIGN KEY(actor) REFERENCES account (id),
    CONSTRAINT fk_administration_unit FOREIGN KEY(unit) REFERENCES unit (id),
    CONSTRAINT fk_administration_account FOREIGN KEY(account) REFERENCES account (id),
    CONSTRAINT fk_administration_appointment FOREIGN KEY(appointment) REFERENCES appointment (id),
    CONSTRAINT fk_administration_other FOREIGN KEY(other) REFERENCES account (id)
);

CREATE INDEX ix_administration_account_kind ON administration (account, kind);

CREATE INDEX ix_administration_appointment_withdraws ON administration (appointment, withdraws);

CREATE INDEX ix_administration_draft ON administration (draft);

CREATE INDEX ix_administration_unit_at_id ON administration (unit, at, id);

CREATE TABLE api_read (
    id VARCHAR(40) NOT NULL,
    token VARCHAR(40) NOT NULL,
    at DATETIME NOT NULL,
    what VARCHAR(40) NOT NULL,
    subject VARCHAR(40) NOT NULL,
    CONSTRAINT pk_api_read PRIMARY KEY (id),
    CONSTRAINT fk_api_read_token FOREIGN KEY(token) REFERENCES api_token (id)
);

CREATE INDEX ix_api_read_token_at_id ON api_read (token, at, id);

CREATE TABLE attestation (
    id VARCHAR(40) NOT NULL,
    number VARCHAR(13) NOT NULL,
    workshop VARCHAR(40) NOT NULL,
    place INTEGER NOT NULL,
    academy VARCHAR(40) NOT NULL,
    scenario VARCHAR(80) NOT NULL,
    titles JSON NOT NULL,
    protocol VARCHAR(80) NOT NULL,
    protocol_version INTEGER NOT NULL,
    held_on DATE NOT NULL,
    minutes INTEGER NOT NULL,
    account VARCHAR(40),
    attended BOOLEAN NOT NULL,
    passed BOOLEAN NOT NULL,
    valid_until DATE,
    certificate VARCHAR(40),
    stood_until DATE,
    attested_by VARCHAR(40) NOT NULL,
    attested_at DATETIME NOT NULL,
    withdrawn_at DATETIME,
    withdrawn_by VARCHAR(40),
    withdrawn_why VARCHAR(80),
    withdrawn_sentence VARCHAR(200),
    wrapped BLOB NOT NULL,
    master INTEGER NOT NULL,
    CONSTRAINT pk_attestation PRIMARY KEY (id),
    CONSTRAINT ck_attestation_who_passed_attended CHECK (attended OR NOT passed),
    CONSTRAINT ck_attestation_valid_if_passed CHECK (passed = (valid_until IS NOT NULL)),
    CONSTRAINT ck_attestation_certificate_is_of_an_account CHECK (certificate IS NULL OR account IS NOT NULL),
    CONSTRAINT ck_attestation_minutes_bounded CHECK (minutes BETWEEN 1 AND 6000),
    CONSTRAINT ck_attestation_withdrawn_by_somebody_for_a_reason CHECK ((withdrawn_at IS NULL) = (withdrawn_by IS NULL) AND (withdrawn_at IS NULL) = (withdrawn_why IS NULL)),
    CONSTRAINT uq_attestation_number UNIQUE (number),
    CONSTRAINT uq_attestation_certificate UNIQUE (certificate),
    CONSTRAINT uq_attestation_workshop_place UNIQUE (workshop, place),
    CONSTRAINT fk_attestation_workshop FOREIGN KEY(workshop) REFERENCES workshop (id),
    CONSTRAINT fk_attestation_academy FOREIGN KEY(academy) REFERENCES unit (id),
    CONSTRAINT fk_attestation_account FOREIGN KEY(account) REFERENCES account (id),
    CONSTRAINT fk_attestation_certificate FOREIGN KEY(certificate) REFERENCES certificate (id),
    CONSTRAINT fk_attestation_attested_by FOREIGN KEY(attested_by) REFERENCES account (id),
    CONSTRAINT fk_attestation_withdrawn_by FOREIGN KEY(withdrawn_by) REFERENCES account (id)
);

CREATE INDEX ix_attestation_academy_held_on_id ON attestation (academy, held_on, id);

CREATE INDEX ix_attestation_academy_valid_until_id ON attestation (academy, valid_until, id);

CREATE INDEX ix_attestation_account ON attestation (account);

CREATE INDEX ix_attestation_master ON attestation (master);

CREATE TABLE figure_paper (
    id VARCHAR(40) NOT NULL,
    release VARCHAR(40) NOT NULL,
    unit VARCHAR(40) NOT NULL,
    copy INTEGER NOT NULL,
    language VARCHAR(8) NOT NULL,
    actor VARCHAR(40) NOT NULL,
    at DATETIME NOT NULL,
    digest VARCHAR(64) NOT NULL,
    press VARCHAR(64) NOT NULL,
    CONSTRAINT pk_figure_paper PRIMARY KEY (id),
    CONSTRAINT ck_figure_paper_figure_paper_digest_is_sha256 CHECK (length(digest) = 64),
    CONSTRAINT uq_figure_paper_release_unit_copy UNIQUE (release, unit, copy),
    CONSTRAINT fk_figure_paper_release FOREIGN KEY(release) REFERENCES figure_release (id),
    CONSTRAINT fk_figure_paper_unit FOREIGN KEY(unit) REFERENCES unit (id),
    CONSTRAINT fk_figure_paper_actor FOREIGN KEY(actor) REFERENCES account (id),
    CONSTRAINT uq_figure_paper_press UNIQUE (press)
);

CREATE INDEX ix_figure_paper_digest ON figure_paper (digest);

CREATE TABLE figure_public (
    id VARCHAR(40) NOT NULL,
    release VARCHAR(40) NOT NULL,
    place INTEGER NOT NULL,
    is_public BOOLEAN NOT NULL,
    at DATETIME NOT NULL,
    actor VARCHAR(40) NOT NULL,
    CONSTRAINT pk_figure_public PRIMARY KEY (id),
    CONSTRAINT uq_figure_public_release_place UNIQUE (release, place),
    CONSTRAINT fk_figure_public_release FOREIGN KEY(release) REFERENCES figure_release (id),
    CONSTRAINT fk_figure_public_actor FOREIGN KEY(actor) REFERENCES account (id)
);

CREATE INDEX ix_figure_public_release ON figure_public (release);

CREATE TABLE figure_told (
    release VARCHAR(40) NOT NULL,
    unit VARCHAR(41) NOT NULL,
    above VARCHAR(41) NOT NULL,
    told JSON NOT NULL,
    CONSTRAINT pk_figure_told PRIMARY KEY (release, unit),
    CONSTRAINT fk_figure_told_release FOREIGN KEY(release) REFERENCES figure_release (id)
);

CREATE INDEX ix_figure_told_release_above ON figure_told (release, above);

CREATE INDEX ix_figure_told_unit ON figure_told (unit);

CREATE TABLE room_place (
    id VARCHAR(40) NOT NULL,
    state VARCHAR(8) NOT NULL,
    since DATETIME NOT NULL,
    made_by VARCHAR(63) NOT NULL,
    revisions VARCHAR(80) NOT NULL,
    workshop VARCHAR(40),
    CONSTRAINT pk_room_place PRIMARY KEY (id),
    CONSTRAINT ck_room_place_state_known CHECK (state IN ('making', 'free', 'filling', 'stands', 'going')),
    CONSTRAINT ck_room_place_stands_for_a_workshop CHECK ((state = 'stands') = (workshop IS NOT NULL)),
    CONSTRAINT uq_room_place_workshop UNIQUE (workshop),
    CONSTRAINT fk_room_place_workshop FOREIGN KEY(workshop) REFERENCES workshop (id)
);

CREATE INDEX ix_room_place_state_since ON room_place (state, since);

CREATE TABLE staff_import_line (
    batch VARCHAR(40) NOT NULL,
    line INTEGER NOT NULL,
    verdict VARCHAR(12) NOT NULL,
    kind VARCHAR(80) NOT NULL,
    cells JSON NOT NULL,
    said JSON NOT NULL,
    account VARCHAR(40),
    CONSTRAINT pk_staff_import_line PRIMARY KEY (batch, line),
    CONSTRAINT fk_staff_import_line_batch FOREIGN KEY(batch) REFERENCES staff_import (id)
);

CREATE INDEX ix_staff_import_line_batch_verdict_line ON staff_import_line (batch, verdict, line);

CREATE TABLE workshop_debrief (
    workshop VARCHAR(40) NOT NULL,
    at DATETIME NOT NULL,
    scenario BLOB NOT NULL,
    protocol BLOB,
    tables BLOB NOT NULL,
    CONSTRAINT pk_workshop_debrief PRIMARY KEY (workshop),
    CONSTRAINT fk_workshop_debrief_workshop FOREIGN KEY(workshop) REFERENCES workshop (id)
);

CREATE TABLE administration_link (
    seq INTEGER NOT NULL,
    administration VARCHAR(40),
    prev_hash BLOB NOT NULL,
    hash BLOB NOT NULL,
    CONSTRAINT pk_administration_link PRIMARY KEY (seq),
    CONSTRAINT ck_administration_link_of_a_row_or_the_beginning CHECK ((seq = 0) = (administration IS NULL)),
    CONSTRAINT ck_administration_link_numbered_from_0 CHECK (seq >= 0),
    CONSTRAINT ck_administration_link_linked CHECK (length(prev_hash) = 32 AND length(hash) = 32),
    CONSTRAINT uq_administration_link_administration UNIQUE (administration),
    CONSTRAINT fk_administration_link_administration FOREIGN KEY(administration) REFERENCES administration (id)
);

CREATE TABLE attestation_copy (
    id VARCHAR(40) NOT NULL,
    attestation VARCHAR(40) NOT NULL,
    copy INTEGER NOT NULL,
    language VARCHAR(8) NOT NULL,
    actor VARCHAR(40) NOT NULL,
    at DATETIME NOT NULL,
    digest VARCHAR(64) NOT NULL,
    press VARCHAR(64) NOT NULL,
    CONSTRAINT pk_attestation_copy PRIMARY KEY (id),
    CONSTRAINT ck_attestation_copy_copies_count_from_one CHECK (copy >= 1),
    CONSTRAINT ck_attestation_copy_digest_is_sha256 CHECK (length(digest) = 64),
    CONSTRAINT uq_attestation_copy_attestation_copy UNIQUE (attestation, copy),
    CONSTRAINT fk_attestation_copy_attestation FOREIGN KEY(attestation) REFERENCES attestation (id),
    CONSTRAINT fk_attestation_copy_actor FOREIGN KEY(actor) REFERENCES account (id),
    CONSTRAINT uq_attestation_copy_press UNIQUE (press)
);

CREATE INDEX ix_attestation_copy_digest ON attestation_copy (digest);

CREATE TABLE room_key (
    place VARCHAR(40) NOT NULL,
    scenario BLOB NOT NULL,
    wrapped BLOB NOT NULL,
    master INTEGER NOT NULL,
    CONSTRAINT pk_room_key PRIMARY KEY (place),
    CONSTRAINT fk_room_key_place FOREIGN KEY(place) REFERENCES room_place (id)
);

CREATE INDEX ix_room_key_master ON room_key (master);

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
