-- Every table of a realm, with what guards its rows, on PostgreSQL.

CREATE TABLE anchor_taken (
    seq INTEGER NOT NULL,
    at TIMESTAMP WITH TIME ZONE NOT NULL,
    file_digest BYTEA NOT NULL,
    CONSTRAINT pk_anchor_taken PRIMARY KEY (seq),
    CONSTRAINT ck_anchor_taken_numbered_from_1 CHECK (seq >= 1),
    CONSTRAINT ck_anchor_taken_digest_is_sha256 CHECK (length(file_digest) = 32)
);

CREATE TABLE anchored_head (
    case_id VARCHAR(40) NOT NULL,
    seq INTEGER NOT NULL,
    hash BYTEA NOT NULL,
    keyed BYTEA NOT NULL,
    CONSTRAINT pk_anchored_head PRIMARY KEY (case_id)
);

CREATE TABLE asked_paper (
    unit VARCHAR(40) NOT NULL,
    account VARCHAR(40) NOT NULL,
    document VARCHAR(80) NOT NULL,
    profile VARCHAR(80) NOT NULL,
    language VARCHAR(8) NOT NULL,
    at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT pk_asked_paper PRIMARY KEY (unit, account, document, profile, language)
);

CREATE INDEX ix_asked_paper_at ON asked_paper (at);

CREATE TABLE bulk (
    id VARCHAR(40) NOT NULL,
    account VARCHAR(40) NOT NULL,
    protocol VARCHAR(80) NOT NULL,
    profile VARCHAR(80) NOT NULL,
    language VARCHAR(8) NOT NULL,
    chosen JSON NOT NULL,
    token VARCHAR(64) NOT NULL,
    begun_at TIMESTAMP WITH TIME ZONE NOT NULL,
    state VARCHAR(12) NOT NULL,
    taken_at TIMESTAMP WITH TIME ZONE,
    settled_at TIMESTAMP WITH TIME ZONE,
    until TIMESTAMP WITH TIME ZONE NOT NULL,
    why VARCHAR(16) NOT NULL,
    trouble VARCHAR(16) NOT NULL,
    CONSTRAINT pk_bulk PRIMARY KEY (id),
    CONSTRAINT ck_bulk_state_known CHECK (state IN ('running', 'done', 'stopped')),
    CONSTRAINT ck_bulk_settled_unless_running CHECK ((state = 'running') = (settled_at IS NULL)),
    CONSTRAINT ck_bulk_stopped_for_a_reason CHECK ((state = 'stopped') = (why <> ''))
);

CREATE INDEX ix_bulk_account_begun_at ON bulk (account, begun_at);

CREATE INDEX ix_bulk_until ON bulk (until);

CREATE UNIQUE INDEX uq_bulk_one_running ON bulk (account) WHERE state = 'running';

CREATE TABLE case_key (
    case_id VARCHAR(40) NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    wrapped BYTEA NOT NULL,
    master INTEGER NOT NULL,
    CONSTRAINT pk_case_key PRIMARY KEY (case_id)
);

CREATE INDEX ix_case_key_created_at ON case_key (created_at);

CREATE INDEX ix_case_key_master ON case_key (master);

CREATE TABLE case_record (
    id VARCHAR(40) NOT NULL,
    number VARCHAR(13) NOT NULL,
    protocol VARCHAR(80) NOT NULL,
    version INTEGER NOT NULL,
    digest VARCHAR(64) NOT NULL,
    unit VARCHAR(40) NOT NULL,
    opened_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT pk_case_record PRIMARY KEY (id),
    CONSTRAINT ck_case_record_number_has_13_digits CHECK (length(number) = 13),
    CONSTRAINT ck_case_record_version_counts CHECK (version >= 1),
    CONSTRAINT ck_case_record_digest_is_sha256 CHECK (length(digest) = 64),
    CONSTRAINT uq_case_record_number UNIQUE (number)
);

CREATE INDEX ix_case_record_unit ON case_record (unit);

CREATE TABLE draft (
    account VARCHAR(40) NOT NULL,
    key VARCHAR(200) NOT NULL,
    at TIMESTAMP WITH TIME ZONE NOT NULL,
    sealed BYTEA NOT NULL,
    wrapped BYTEA NOT NULL,
    master INTEGER NOT NULL,
    CONSTRAINT pk_draft PRIMARY KEY (account, key)
);

CREATE INDEX ix_draft_at ON draft (at);

CREATE INDEX ix_draft_master ON draft (master);

CREATE TABLE figure_counter (
    protocol VARCHAR(80) NOT NULL,
    month VARCHAR(7) NOT NULL,
    unit VARCHAR(41) NOT NULL,
    above VARCHAR(40) NOT NULL,
    counts JSON NOT NULL,
    CONSTRAINT pk_figure_counter PRIMARY KEY (protocol, month, unit)
);

CREATE INDEX ix_figure_counter_protocol_above_month ON figure_counter (protocol, above, month);

CREATE INDEX ix_figure_counter_protocol_unit_month ON figure_counter (protocol, unit, month);

CREATE TABLE figure_frozen (
    protocol VARCHAR(80) NOT NULL,
    month VARCHAR(7) NOT NULL,
    unit VARCHAR(41) NOT NULL,
    counts JSON NOT NULL,
    CONSTRAINT pk_figure_frozen PRIMARY KEY (protocol, month, unit)
);

CREATE TABLE file_alarm (
    id VARCHAR(40) NOT NULL,
    case_id VARCHAR(40) NOT NULL,
    place VARCHAR(40) NOT NULL,
    what VARCHAR(80) NOT NULL,
    at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT pk_file_alarm PRIMARY KEY (id),
    CONSTRAINT uq_file_alarm_place_what UNIQUE (place, what)
);

CREATE INDEX ix_file_alarm_case_id ON file_alarm (case_id);

CREATE TABLE file_sweep (
    place INTEGER NOT NULL,
    started_at TIMESTAMP WITH TIME ZONE NOT NULL,
    finished_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT pk_file_sweep PRIMARY KEY (place),
    CONSTRAINT ck_file_sweep_one_row CHECK (place = 1)
);

CREATE TABLE files_at (
    place INTEGER NOT NULL,
    address VARCHAR(300) NOT NULL,
    CONSTRAINT pk_files_at PRIMARY KEY (place),
    CONSTRAINT ck_files_at_files_are_in_one_place CHECK (place = 1)
);

CREATE TABLE journal_check (
    id VARCHAR(40) NOT NULL,
    started_at TIMESTAMP WITH TIME ZONE NOT NULL,
    finished_at TIMESTAMP WITH TIME ZONE NOT NULL,
    events BIGINT NOT NULL,
    faults INTEGER NOT NULL,
    first_fault VARCHAR(200) NOT NULL,
    told_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT pk_journal_check PRIMARY KEY (id),
    CONSTRAINT ck_journal_check_faults_count CHECK (faults >= 0)
);

CREATE INDEX ix_journal_check_finished_at ON journal_check (finished_at);

CREATE TABLE object_key (
    case_id VARCHAR(40) NOT NULL,
    object_id VARCHAR(80) NOT NULL,
    wrapped BYTEA NOT NULL,
    CONSTRAINT pk_object_key PRIMARY KEY (case_id, object_id)
);

CREATE TABLE outbox (
    id VARCHAR(40) NOT NULL,
    at TIMESTAMP WITH TIME ZONE NOT NULL,
    kind VARCHAR(80) NOT NULL,
    payload JSON NOT NULL,
    due_at TIMESTAMP WITH TIME ZONE NOT NULL,
    done_at TIMESTAMP WITH TIME ZONE,
    attempts INTEGER NOT NULL,
    CONSTRAINT pk_outbox PRIMARY KEY (id),
    CONSTRAINT ck_outbox_attempts_count CHECK (attempts >= 0)
);

CREATE INDEX ix_outbox_done_at ON outbox (done_at);

CREATE INDEX ix_outbox_waiting ON outbox (due_at, id) WHERE done_at IS NULL;

CREATE TABLE passage (
    id VARCHAR(40) NOT NULL,
    kind VARCHAR(8) NOT NULL,
    subject VARCHAR(120) NOT NULL,
    protocol VARCHAR(80) NOT NULL,
    from_version INTEGER,
    to_version INTEGER NOT NULL,
    draft VARCHAR(40),
    base VARCHAR(64) NOT NULL,
    accepts JSON NOT NULL,
    account VARCHAR(40) NOT NULL,
    begun_at TIMESTAMP WITH TIME ZONE NOT NULL,
    state VARCHAR(12) NOT NULL,
    tally JSON NOT NULL,
    at_version INTEGER NOT NULL,
    after VARCHAR(40) NOT NULL,
    taken_at TIMESTAMP WITH TIME ZONE,
    settled_at TIMESTAMP WITH TIME ZONE,
    stopped_by VARCHAR(40),
    why VARCHAR(12) NOT NULL,
    CONSTRAINT pk_passage PRIMARY KEY (id),
    CONSTRAINT ck_passage_kind_known CHECK (kind IN ('look', 'move')),
    CONSTRAINT ck_passage_state_known CHECK (state IN ('running', 'done', 'stopped')),
    CONSTRAINT ck_passage_settled_unless_running CHECK ((state = 'running') = (settled_at IS NULL)),
    CONSTRAINT ck_passage_stopped_for_a_reason CHECK ((state = 'stopped') = (why <> '')),
    CONSTRAINT ck_passage_a_draft_is_only_looked_at CHECK (kind = 'look' OR draft IS NULL),
    CONSTRAINT ck_passage_from_older_to_newer CHECK (to_version >= 1 AND (from_version IS NULL OR from_version < to_version))
);

CREATE INDEX ix_passage_draft ON passage (draft);

CREATE INDEX ix_passage_protocol_begun_at ON passage (protocol, begun_at);

CREATE UNIQUE INDEX uq_passage_one_running ON passage (kind, subject) WHERE state = 'running';

CREATE TABLE public_notice (
    id VARCHAR(40) NOT NULL,
    unit VARCHAR(40) NOT NULL,
    account VARCHAR(40) NOT NULL,
    channel VARCHAR(8) NOT NULL,
    urgent BOOLEAN NOT NULL,
    hour INTEGER NOT NULL,
    due INTEGER NOT NULL,
    state VARCHAR(12) NOT NULL,
    attempts INTEGER NOT NULL,
    CONSTRAINT pk_public_notice PRIMARY KEY (id),
    CONSTRAINT uq_public_notice_unit_account_channel_urgent_hour UNIQUE (unit, account, channel, urgent, hour),
    CONSTRAINT ck_public_notice_public_channel_known CHECK (channel IN ('mail', 'sms', 'none')),
    CONSTRAINT ck_public_notice_public_state_known CHECK (state IN ('waiting', 'delivered', 'no_address', 'withheld')),
    CONSTRAINT ck_public_notice_public_attempts_count CHECK (attempts >= 0)
);

CREATE INDEX ix_public_notice_hour ON public_notice (hour);

CREATE INDEX ix_public_notice_state_due ON public_notice (state, due);

CREATE TABLE retention_day (
    day DATE NOT NULL,
    run INTEGER NOT NULL,
    at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT pk_retention_day PRIMARY KEY (day),
    CONSTRAINT ck_retention_day_days_count_from_one CHECK (run >= 1),
    CONSTRAINT uq_retention_day_run UNIQUE (run)
);

CREATE TABLE retention_share (
    unit VARCHAR(40) NOT NULL,
    protocol VARCHAR(80) NOT NULL,
    document VARCHAR(80) NOT NULL,
    year INTEGER NOT NULL,
    until DATE NOT NULL,
    counts JSON NOT NULL,
    CONSTRAINT pk_retention_share PRIMARY KEY (unit, protocol, document, year, until)
);

CREATE TABLE review_choice (
    account VARCHAR(40) NOT NULL,
    kind VARCHAR(80) NOT NULL,
    place VARCHAR(80) NOT NULL,
    level INTEGER,
    CONSTRAINT pk_review_choice PRIMARY KEY (account)
);

CREATE TABLE used_token (
    account VARCHAR(40) NOT NULL,
    token BYTEA NOT NULL,
    at TIMESTAMP WITH TIME ZONE NOT NULL,
    outcome JSON NOT NULL,
    CONSTRAINT pk_used_token PRIMARY KEY (account, token),
    CONSTRAINT ck_used_token_token_is_hashed CHECK (length(token) = 32)
);

CREATE INDEX ix_used_token_at ON used_token (at);

CREATE TABLE access (
    id VARCHAR(40) NOT NULL,
    case_id VARCHAR(40) NOT NULL,
    account VARCHAR(40) NOT NULL,
    at TIMESTAMP WITH TIME ZONE NOT NULL,
    what VARCHAR(80) NOT NULL,
    reason VARCHAR(80) NOT NULL,
    place BIGINT NOT NULL,
    CONSTRAINT pk_access PRIMARY KEY (id),
    CONSTRAINT fk_access_case_id FOREIGN KEY(case_id) REFERENCES case_record (id)
);

CREATE INDEX ix_access_account_at_id ON access (account, at, id);

CREATE INDEX ix_access_case_id_at_id ON access (case_id, at, id);

CREATE UNIQUE INDEX ix_access_place ON access (place);

CREATE TABLE access_export (
    id VARCHAR(40) NOT NULL,
    case_id VARCHAR(40) NOT NULL,
    person VARCHAR(80) NOT NULL,
    asked_by VARCHAR(40) NOT NULL,
    asked_at TIMESTAMP WITH TIME ZONE NOT NULL,
    seq INTEGER NOT NULL,
    state VARCHAR(12) NOT NULL,
    settled_by VARCHAR(40),
    settled_at TIMESTAMP WITH TIME ZONE,
    until TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT pk_access_export PRIMARY KEY (id),
    CONSTRAINT ck_access_export_state_known CHECK (state IN ('waiting', 'approved', 'refused')),
    CONSTRAINT ck_access_export_settled_unless_waiting CHECK ((state = 'waiting') = (settled_by IS NULL)),
    CONSTRAINT ck_access_export_settled_by_somebody CHECK ((settled_by IS NULL) = (settled_at IS NULL)),
    CONSTRAINT ck_access_export_two_people_approve CHECK (settled_by IS NULL OR settled_by <> asked_by),
    CONSTRAINT fk_access_export_case_id FOREIGN KEY(case_id) REFERENCES case_record (id)
);

CREATE INDEX ix_access_export_case_id ON access_export (case_id);

CREATE INDEX ix_access_export_state_asked_at_id ON access_export (state, asked_at, id);

CREATE TABLE bulk_case (
    bulk VARCHAR(40) NOT NULL,
    place INTEGER NOT NULL,
    case_id VARCHAR(40) NOT NULL,
    number VARCHAR(20) NOT NULL,
    state VARCHAR(12) NOT NULL,
    why VARCHAR(16) NOT NULL,
    copy INTEGER NOT NULL,
    sight VARCHAR(64) NOT NULL,
    tries INTEGER NOT NULL,
    CONSTRAINT pk_bulk_case PRIMARY KEY (bulk, place),
    CONSTRAINT ck_bulk_case_state_known CHECK (state IN ('waiting', 'done', 'refused')),
    CONSTRAINT ck_bulk_case_done_with_a_copy CHECK ((state = 'done') = (copy > 0)),
    CONSTRAINT ck_bulk_case_refused_for_a_reason CHECK ((state = 'refused') = (why <> '')),
    CONSTRAINT fk_bulk_case_bulk FOREIGN KEY(bulk) REFERENCES bulk (id) ON DELETE CASCADE,
    CONSTRAINT fk_bulk_case_case_id FOREIGN KEY(case_id) REFERENCES case_record (id)
);

CREATE INDEX ix_bulk_case_bulk_state_place ON bulk_case (bulk, state, place);

CREATE INDEX ix_bulk_case_case_id ON bulk_case (case_id);

CREATE TABLE case_index (
    case_id VARCHAR(40) NOT NULL,
    number VARCHAR(13) NOT NULL,
    protocol VARCHAR(80) NOT NULL,
    version INTEGER NOT NULL,
    unit VARCHAR(40) NOT NULL,
    province VARCHAR(40) NOT NULL,
    region VARCHAR(40) NOT NULL,
    state VARCHAR(80) NOT NULL,
    stage VARCHAR(80) NOT NULL,
    level INTEGER,
    team_sees BOOLEAN NOT NULL,
    restricted BOOLEAN NOT NULL,
    ended BOOLEAN NOT NULL,
    raised INTEGER NOT NULL,
    next_due_at TIMESTAMP WITH TIME ZONE,
    next_due_key VARCHAR(80),
    due_order TIMESTAMP WITH TIME ZONE NOT NULL,
    urgent BOOLEAN NOT NULL,
    next_key VARCHAR(80),
    next_kind VARCHAR(80),
    waiting_since TIMESTAMP WITH TIME ZONE,
    waits_on_authority BOOLEAN,
    waits_on_family BOOLEAN,
    opened_at TIMESTAMP WITH TIME ZONE NOT NULL,
    moved_at TIMESTAMP WITH TIME ZONE NOT NULL,
    last_seq INTEGER NOT NULL,
    CONSTRAINT pk_case_index PRIMARY KEY (case_id),
    CONSTRAINT ck_case_index_version_counts CHECK (version >= 1),
    CONSTRAINT ck_case_index_raised_counts CHECK (raised >= 0),
    CONSTRAINT ck_case_index_opened CHECK (last_seq >= 1),
    CONSTRAINT ck_case_index_level_counts CHECK (level IS NULL OR level >= 0),
    CONSTRAINT ck_case_index_due_has_its_key CHECK ((next_due_at IS NULL) = (next_due_key IS NULL)),
    CONSTRAINT ck_case_index_due_orders CHECK (next_due_at IS NULL OR due_order = next_due_at),
    CONSTRAINT fk_case_index_case_id FOREIGN KEY(case_id) REFERENCES case_record (id),
    CONSTRAINT uq_case_index_number UNIQUE (number)
);

CREATE INDEX ix_case_index_due_order_case_id ON case_index (due_order, case_id);

CREATE INDEX ix_case_index_province_urgent_due_order_case_id ON case_index (province, urgent, due_order, case_id);

CREATE INDEX ix_case_index_region_urgent_due_order_case_id ON case_index (region, urgent, due_order, case_id);

CREATE INDEX ix_case_index_unit_urgent_due_order_case_id ON case_index (unit, urgent, due_order, case_id);

CREATE TABLE case_retention (
    case_id VARCHAR(40) NOT NULL,
    seq INTEGER NOT NULL,
    cycle INTEGER NOT NULL,
    due_on DATE,
    erase_on DATE NOT NULL,
    barred_until TIMESTAMP WITH TIME ZONE,
    suspended BOOLEAN NOT NULL,
    asked BOOLEAN NOT NULL,
    first_asked_at TIMESTAMP WITH TIME ZONE,
    first_on DATE,
    first_run INTEGER,
    first_by_page BOOLEAN NOT NULL,
    second_asked_at TIMESTAMP WITH TIME ZONE,
    second_on DATE,
    second_run INTEGER,
    second_by_page BOOLEAN NOT NULL,
    waits_on DATE,
    waits_run INTEGER,
    agreed_at TIMESTAMP WITH TIME ZONE,
    agreed_by VARCHAR(40),
    CONSTRAINT pk_case_retention PRIMARY KEY (case_id),
    CONSTRAINT ck_case_retention_first_given_whole CHECK ((first_on IS NULL) = (first_run IS NULL)),
    CONSTRAINT ck_case_retention_second_given_whole CHECK ((second_on IS NULL) = (second_run IS NULL)),
    CONSTRAINT ck_case_retention_one_after_the_other CHECK (second_on IS NULL OR first_on IS NOT NULL),
    CONSTRAINT ck_case_retention_waits_whole CHECK ((waits_on IS NULL) = (waits_run IS NULL)),
    CONSTRAINT ck_case_retention_confirmed_after_both CHECK (waits_on IS NULL OR second_on IS NOT NULL),
    CONSTRAINT ck_case_retention_agreed_by_somebody CHECK ((agreed_at IS NULL) = (agreed_by IS NULL)),
    CONSTRAINT ck_case_retention_asked_before_agreed CHECK (agreed_at IS NULL OR waits_on IS NOT NULL),
    CONSTRAINT fk_case_retention_case_id FOREIGN KEY(case_id) REFERENCES case_record (id)
);

CREATE INDEX ix_case_retention_erase_on_case_id ON case_retention (erase_on, case_id);

CREATE TABLE document_copy (
    case_id VARCHAR(40) NOT NULL,
    document VARCHAR(80) NOT NULL,
    copies INTEGER NOT NULL,
    CONSTRAINT pk_document_copy PRIMARY KEY (case_id, document),
    CONSTRAINT ck_document_copy_copies_count CHECK (copies >= 0),
    CONSTRAINT fk_document_copy_case_id FOREIGN KEY(case_id) REFERENCES case_record (id)
);

CREATE TABLE erasure_bar (
    case_id VARCHAR(40) NOT NULL,
    until TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT pk_erasure_bar PRIMARY KEY (case_id),
    CONSTRAINT fk_erasure_bar_case_id FOREIGN KEY(case_id) REFERENCES case_record (id)
);

CREATE TABLE event (
    case_id VARCHAR(40) NOT NULL,
    seq INTEGER NOT NULL,
    kind VARCHAR(80) NOT NULL,
    actor VARCHAR(40) NOT NULL,
    role VARCHAR(80) NOT NULL,
    at TIMESTAMP WITH TIME ZONE NOT NULL,
    occurred_at TIMESTAMP WITH TIME ZONE NOT NULL,
    sealed BYTEA NOT NULL,
    body_commitment BYTEA NOT NULL,
    words_commitment BYTEA,
    prev_hash BYTEA NOT NULL,
    hash BYTEA NOT NULL,
    CONSTRAINT pk_event PRIMARY KEY (case_id, seq),
    CONSTRAINT ck_event_numbered_from_1 CHECK (seq >= 1),
    CONSTRAINT ck_event_body_committed CHECK (length(body_commitment) = 32),
    CONSTRAINT ck_event_words_committed CHECK (words_commitment IS NULL OR length(words_commitment) = 32),
    CONSTRAINT ck_event_linked CHECK (length(prev_hash) = 32 AND length(hash) = 32),
    CONSTRAINT fk_event_case_id FOREIGN KEY(case_id) REFERENCES case_record (id)
);

CREATE TABLE figure_share (
    case_id VARCHAR(40) NOT NULL,
    protocol VARCHAR(80) NOT NULL,
    month VARCHAR(7) NOT NULL,
    path JSON NOT NULL,
    sealed BYTEA NOT NULL,
    CONSTRAINT pk_figure_share PRIMARY KEY (case_id),
    CONSTRAINT fk_figure_share_case_id FOREIGN KEY(case_id) REFERENCES case_record (id)
);

CREATE TABLE handed_paper (
    case_id VARCHAR(40) NOT NULL,
    document VARCHAR(80) NOT NULL,
    copy INTEGER NOT NULL,
    until TIMESTAMP WITH TIME ZONE NOT NULL,
    sealed BYTEA NOT NULL,
    place VARCHAR(40),
    CONSTRAINT pk_handed_paper PRIMARY KEY (case_id, document, copy),
    CONSTRAINT ck_handed_paper_copies_count_from_one CHECK (copy >= 1),
    CONSTRAINT fk_handed_paper_case_id FOREIGN KEY(case_id) REFERENCES case_record (id)
);

CREATE INDEX ix_handed_paper_place ON handed_paper (place);

CREATE INDEX ix_handed_paper_until ON handed_paper (until);

CREATE TABLE identity (
    case_id VARCHAR(40) NOT NULL,
    slot_id VARCHAR(40) NOT NULL,
    slot VARCHAR(80) NOT NULL,
    sealed BYTEA NOT NULL,
    CONSTRAINT pk_identity PRIMARY KEY (case_id, slot_id),
    CONSTRAINT fk_identity_case_id FOREIGN KEY(case_id) REFERENCES case_record (id)
);

CREATE TABLE identity_mark (
    unit VARCHAR(40) NOT NULL,
    mark BYTEA NOT NULL,
    case_id VARCHAR(40) NOT NULL,
    slot_id VARCHAR(40) NOT NULL,
    CONSTRAINT pk_identity_mark PRIMARY KEY (unit, mark, case_id, slot_id),
    CONSTRAINT ck_identity_mark_mark_is_keyed CHECK (length(mark) = 32),
    CONSTRAINT fk_identity_mark_case_id FOREIGN KEY(case_id) REFERENCES case_record (id)
);

CREATE INDEX ix_identity_mark_case_id ON identity_mark (case_id);

CREATE TABLE kept_blob (
    name VARCHAR(40) NOT NULL,
    case_id VARCHAR(40) NOT NULL,
    content BYTEA NOT NULL,
    CONSTRAINT pk_kept_blob PRIMARY KEY (name),
    CONSTRAINT fk_kept_blob_case_id FOREIGN KEY(case_id) REFERENCES case_record (id)
);

CREATE INDEX ix_kept_blob_case_id ON kept_blob (case_id);

CREATE TABLE kept_file (
    place VARCHAR(40) NOT NULL,
    case_id VARCHAR(40) NOT NULL,
    file_id VARCHAR(40) NOT NULL,
    part VARCHAR(80) NOT NULL,
    size INTEGER NOT NULL,
    digest BYTEA NOT NULL,
    at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT pk_kept_file PRIMARY KEY (place),
    CONSTRAINT uq_kept_file_case_id_file_id_part UNIQUE (case_id, file_id, part),
    CONSTRAINT ck_kept_file_files_are_not_empty CHECK (size > 0),
    CONSTRAINT fk_kept_file_case_id FOREIGN KEY(case_id) REFERENCES case_record (id)
);

CREATE TABLE notice (
    id VARCHAR(40) NOT NULL,
    case_id VARCHAR(40) NOT NULL,
    cause VARCHAR(200) NOT NULL,
    role VARCHAR(80) NOT NULL,
    account VARCHAR(40) NOT NULL,
    channel VARCHAR(8) NOT NULL,
    urgent BOOLEAN NOT NULL,
    at TIMESTAMP WITH TIME ZONE NOT NULL,
    due_at TIMESTAMP WITH TIME ZONE NOT NULL,
    attempts INTEGER NOT NULL,
    state VARCHAR(12) NOT NULL,
    settled_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT pk_notice PRIMARY KEY (id),
    CONSTRAINT uq_notice_case_id_cause_role_account_channel UNIQUE (case_id, cause, role, account, channel),
    CONSTRAINT ck_notice_channel_known CHECK (channel IN ('mail', 'sms', 'none')),
    CONSTRAINT ck_notice_state_known CHECK (state IN ('waiting', 'delivered', 'no_address', 'withheld')),
    CONSTRAINT ck_notice_settled_unless_waiting CHECK ((state = 'waiting') = (settled_at IS NULL)),
    CONSTRAINT ck_notice_waits_for_a_channel CHECK (channel <> 'none' OR state <> 'waiting'),
    CONSTRAINT ck_notice_attempts_count CHECK (attempts >= 0),
    CONSTRAINT fk_notice_case_id FOREIGN KEY(case_id) REFERENCES case_record (id)
);

CREATE INDEX ix_notice_account_settled_at ON notice (account, settled_at);

CREATE INDEX ix_notice_waiting ON notice (due_at, id) WHERE state = 'waiting';

CREATE TABLE paper_look (
    case_id VARCHAR(40) NOT NULL,
    account VARCHAR(40) NOT NULL,
    document VARCHAR(80) NOT NULL,
    profile VARCHAR(80) NOT NULL,
    language VARCHAR(8) NOT NULL,
    seq INTEGER NOT NULL,
    until TIMESTAMP WITH TIME ZONE NOT NULL,
    tries INTEGER NOT NULL,
    CONSTRAINT pk_paper_look PRIMARY KEY (case_id, account, document, profile, language),
    CONSTRAINT ck_paper_look_tries_are_counted CHECK (tries >= 0),
    CONSTRAINT fk_paper_look_case_id FOREIGN KEY(case_id) REFERENCES case_record (id)
);

CREATE INDEX ix_paper_look_until ON paper_look (until);

CREATE TABLE prepared_paper (
    case_id VARCHAR(40) NOT NULL,
    document VARCHAR(80) NOT NULL,
    profile VARCHAR(80) NOT NULL,
    language VARCHAR(8) NOT NULL,
    sight VARCHAR(64) NOT NULL,
    content_seq INTEGER NOT NULL,
    at_seq INTEGER NOT NULL,
    as_of TIMESTAMP WITH TIME ZONE NOT NULL,
    until TIMESTAMP WITH TIME ZONE NOT NULL,
    sealed BYTEA NOT NULL,
    place VARCHAR(40),
    CONSTRAINT pk_prepared_paper PRIMARY KEY (case_id, document, profile, language, sight),
    CONSTRAINT ck_prepared_paper_until_after_as_of CHECK (until >= as_of),
    CONSTRAINT fk_prepared_paper_case_id FOREIGN KEY(case_id) REFERENCES case_record (id)
);

CREATE INDEX ix_prepared_paper_place ON prepared_paper (place);

CREATE INDEX ix_prepared_paper_until ON prepared_paper (until);

CREATE TABLE public_report (
    id VARCHAR(40) NOT NULL,
    unit VARCHAR(40) NOT NULL,
    kind VARCHAR(8) NOT NULL,
    protocol VARCHAR(80) NOT NULL,
    version INTEGER NOT NULL,
    hour INTEGER NOT NULL,
    status VARCHAR(12) NOT NULL,
    outcome VARCHAR(80) NOT NULL,
    settled INTEGER,
    restricted BOOLEAN NOT NULL,
    urgent BOOLEAN NOT NULL,
    hinted BOOLEAN DEFAULT false NOT NULL,
    to_verify BOOLEAN NOT NULL,
    waits INTEGER,
    step INTEGER NOT NULL,
    fullness INTEGER NOT NULL,
    barred JSON NOT NULL,
    case_id VARCHAR(40),
    code_hash BYTEA NOT NULL,
    sealed BYTEA NOT NULL,
    wrapped BYTEA NOT NULL,
    master INTEGER NOT NULL,
    CONSTRAINT pk_public_report PRIMARY KEY (id),
    CONSTRAINT ck_public_report_public_kind_known CHECK (kind IN ('public', 'staff')),
    CONSTRAINT ck_public_report_public_status_known CHECK (status IN ('waiting', 'answered', 'opened', 'linked', 'oriented', 'closed')),
    CONSTRAINT ck_public_report_public_case_where_it_went CHECK ((status IN ('opened', 'linked')) = (case_id IS NOT NULL)),
    CONSTRAINT ck_public_report_public_settled_unless_waiting CHECK ((status = 'waiting') = (settled IS NULL)),
    CONSTRAINT ck_public_report_public_counts CHECK (step >= 0 AND fullness >= 0),
    CONSTRAINT ck_public_report_code_is_keyed CHECK (length(code_hash) = 32),
    CONSTRAINT fk_public_report_case_id FOREIGN KEY(case_id) REFERENCES case_record (id),
    CONSTRAINT uq_public_report_code_hash UNIQUE (code_hash)
);

CREATE INDEX ix_public_report_case_id ON public_report (case_id);

CREATE INDEX ix_public_report_hour ON public_report (hour);

CREATE INDEX ix_public_report_master ON public_report (master);

CREATE INDEX ix_public_report_unit_status_hour_id ON public_report (unit, status, hour, id);

CREATE INDEX ix_public_report_waits ON public_report (waits, id) WHERE waits IS NOT NULL;

CREATE TABLE report (
    id VARCHAR(40) NOT NULL,
    unit VARCHAR(40) NOT NULL,
    received_at TIMESTAMP WITH TIME ZONE NOT NULL,
    channel VARCHAR(80) NOT NULL,
    reporter VARCHAR(40),
    status VARCHAR(12) NOT NULL,
    case_id VARCHAR(40),
    sealed BYTEA NOT NULL,
    wrapped BYTEA NOT NULL,
    master INTEGER NOT NULL,
    CONSTRAINT pk_report PRIMARY KEY (id),
    CONSTRAINT ck_report_status_known CHECK (status IN ('waiting', 'opened', 'linked', 'answered')),
    CONSTRAINT ck_report_case_where_it_went CHECK ((status IN ('opened', 'linked')) = (case_id IS NOT NULL)),
    CONSTRAINT fk_report_case_id FOREIGN KEY(case_id) REFERENCES case_record (id)
);

CREATE INDEX ix_report_case_id ON report (case_id);

CREATE INDEX ix_report_master ON report (master);

CREATE INDEX ix_report_reporter_received_at_id ON report (reporter, received_at, id);

CREATE INDEX ix_report_unit_status_received_at_id ON report (unit, status, received_at, id);

CREATE TABLE tombstone (
    case_id VARCHAR(40) NOT NULL,
    seq INTEGER NOT NULL,
    at TIMESTAMP WITH TIME ZONE NOT NULL,
    actor VARCHAR(40) NOT NULL,
    hash BYTEA NOT NULL,
    CONSTRAINT pk_tombstone PRIMARY KEY (case_id, seq),
    CONSTRAINT ck_tombstone_of_an_event_or_the_case CHECK (seq >= 0),
    CONSTRAINT ck_tombstone_keyed CHECK (length(hash) = 32),
    CONSTRAINT fk_tombstone_case_id FOREIGN KEY(case_id) REFERENCES case_record (id)
);

CREATE TABLE access_batch (
    seq INTEGER NOT NULL,
    first_place BIGINT NOT NULL,
    last_place BIGINT NOT NULL,
    closed_at TIMESTAMP WITH TIME ZONE NOT NULL,
    leaves BYTEA NOT NULL,
    prev_hash BYTEA NOT NULL,
    hash BYTEA NOT NULL,
    CONSTRAINT pk_access_batch PRIMARY KEY (seq),
    CONSTRAINT ck_access_batch_numbered_from_1 CHECK (seq >= 1),
    CONSTRAINT ck_access_batch_places_in_order CHECK (first_place >= 1 AND last_place >= first_place),
    CONSTRAINT ck_access_batch_linked CHECK (length(prev_hash) = 32 AND length(hash) = 32),
    CONSTRAINT fk_access_batch_last_place FOREIGN KEY(last_place) REFERENCES access (place)
);

CREATE TABLE case_due (
    case_id VARCHAR(40) NOT NULL,
    key VARCHAR(80) NOT NULL,
    subject VARCHAR(80) NOT NULL,
    due_at TIMESTAMP WITH TIME ZONE NOT NULL,
    urgent BOOLEAN NOT NULL,
    planned BOOLEAN NOT NULL,
    CONSTRAINT pk_case_due PRIMARY KEY (case_id, key, subject),
    CONSTRAINT fk_case_due_case_id FOREIGN KEY(case_id) REFERENCES case_index (case_id) ON DELETE CASCADE
);

CREATE INDEX ix_case_due_due_at_case_id_key_subject ON case_due (due_at, case_id, key, subject);

CREATE INDEX ix_case_due_key_case_id ON case_due (key, case_id);

CREATE TABLE case_exclusion (
    case_id VARCHAR(40) NOT NULL,
    account VARCHAR(40) NOT NULL,
    CONSTRAINT pk_case_exclusion PRIMARY KEY (case_id, account),
    CONSTRAINT fk_case_exclusion_case_id FOREIGN KEY(case_id) REFERENCES case_index (case_id) ON DELETE CASCADE
);

CREATE TABLE case_figure (
    case_id VARCHAR(40) NOT NULL,
    fact VARCHAR(80) NOT NULL,
    value VARCHAR(80) NOT NULL,
    CONSTRAINT pk_case_figure PRIMARY KEY (case_id, fact),
    CONSTRAINT fk_case_figure_case_id FOREIGN KEY(case_id) REFERENCES case_index (case_id) ON DELETE CASCADE
);

CREATE INDEX ix_case_figure_fact_value ON case_figure (fact, value);

CREATE TABLE case_known (
    case_id VARCHAR(40) NOT NULL,
    place VARCHAR(40) NOT NULL,
    CONSTRAINT pk_case_known PRIMARY KEY (case_id, place),
    CONSTRAINT fk_case_known_case_id FOREIGN KEY(case_id) REFERENCES case_index (case_id) ON DELETE CASCADE
);

CREATE INDEX ix_case_known_place_case_id ON case_known (place, case_id);

CREATE TABLE case_look (
    case_id VARCHAR(40) NOT NULL,
    next_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT pk_case_look PRIMARY KEY (case_id),
    CONSTRAINT fk_case_look_case_id FOREIGN KEY(case_id) REFERENCES case_index (case_id) ON DELETE CASCADE
);

CREATE TABLE case_reader (
    case_id VARCHAR(40) NOT NULL,
    account VARCHAR(40) NOT NULL,
    until TIMESTAMP WITH TIME ZONE,
    CONSTRAINT pk_case_reader PRIMARY KEY (case_id, account),
    CONSTRAINT fk_case_reader_case_id FOREIGN KEY(case_id) REFERENCES case_index (case_id) ON DELETE CASCADE
);

CREATE INDEX ix_case_reader_account_case_id ON case_reader (account, case_id);

CREATE TABLE case_referral (
    case_id VARCHAR(40) NOT NULL,
    number INTEGER NOT NULL,
    unit VARCHAR(40) NOT NULL,
    province VARCHAR(40) NOT NULL,
    region VARCHAR(40) NOT NULL,
    target VARCHAR(80) NOT NULL,
    sent_at TIMESTAMP WITH TIME ZONE NOT NULL,
    on_danger BOOLEAN NOT NULL,
    awaits BOOLEAN NOT NULL,
    acknowledged_at TIMESTAMP WITH TIME ZONE,
    settled_at TIMESTAMP WITH TIME ZONE,
    chase_at TIMESTAMP WITH TIME ZONE,
    order_at TIMESTAMP WITH TIME ZONE NOT NULL,
    whom VARCHAR(120) NOT NULL,
    whom_names JSON NOT NULL,
    CONSTRAINT pk_case_referral PRIMARY KEY (case_id, number),
    CONSTRAINT ck_case_referral_referrals_count CHECK (number >= 1),
    CONSTRAINT ck_case_referral_settled_awaits_nothing CHECK (settled_at IS NULL OR NOT awaits),
    CONSTRAINT ck_case_referral_chase_orders CHECK (chase_at IS NULL OR (awaits AND order_at = chase_at)),
    CONSTRAINT fk_case_referral_case_id FOREIGN KEY(case_id) REFERENCES case_index (case_id) ON DELETE CASCADE
);

CREATE INDEX ix_case_referral_awaits_order_at_case_id ON case_referral (awaits, order_at, case_id);

CREATE INDEX ix_case_referral_province_awaits_order_at_sent_at_case_id ON case_referral (province, awaits, order_at, sent_at, case_id);

CREATE INDEX ix_case_referral_province_sent_at_case_id ON case_referral (province, sent_at, case_id);

CREATE INDEX ix_case_referral_region_awaits_order_at_sent_at_case_id ON case_referral (region, awaits, order_at, sent_at, case_id);

CREATE INDEX ix_case_referral_region_sent_at_case_id ON case_referral (region, sent_at, case_id);

CREATE INDEX ix_case_referral_unit_awaits_order_at_sent_at_case_id ON case_referral (unit, awaits, order_at, sent_at, case_id);

CREATE INDEX ix_case_referral_unit_sent_at_case_id ON case_referral (unit, sent_at, case_id);

CREATE TABLE case_request (
    case_id VARCHAR(40) NOT NULL,
    seq INTEGER NOT NULL,
    role VARCHAR(80) NOT NULL,
    place VARCHAR(40) NOT NULL,
    unit VARCHAR(40) NOT NULL,
    kind VARCHAR(80) NOT NULL,
    asked_at TIMESTAMP WITH TIME ZONE NOT NULL,
    due_at TIMESTAMP WITH TIME ZONE,
    shown_from TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT pk_case_request PRIMARY KEY (case_id, seq, role, place),
    CONSTRAINT fk_case_request_case_id FOREIGN KEY(case_id) REFERENCES case_index (case_id) ON DELETE CASCADE
);

CREATE INDEX ix_case_request_place_role_asked_at_case_id ON case_request (place, role, asked_at, case_id);

CREATE TABLE case_review (
    case_id VARCHAR(40) NOT NULL,
    kind VARCHAR(80) NOT NULL,
    role VARCHAR(80) NOT NULL,
    subject VARCHAR(80) NOT NULL,
    rank INTEGER NOT NULL,
    gravity INTEGER NOT NULL,
    unit VARCHAR(40) NOT NULL,
    province VARCHAR(40) NOT NULL,
    region VARCHAR(40) NOT NULL,
    since TIMESTAMP WITH TIME ZONE NOT NULL,
    due_at TIMESTAMP WITH TIME ZONE,
    shown_from TIMESTAMP WITH TIME ZONE NOT NULL,
    not_for VARCHAR(40),
    CONSTRAINT pk_case_review PRIMARY KEY (case_id, kind, role, subject),
    CONSTRAINT fk_case_review_case_id FOREIGN KEY(case_id) REFERENCES case_index (case_id) ON DELETE CASCADE
);

CREATE INDEX ix_case_review_role_province_rank_gravity_since_case_id ON case_review (role, province, rank, gravity, since, case_id);

CREATE INDEX ix_case_review_role_region_rank_gravity_since_case_id ON case_review (role, region, rank, gravity, since, case_id);

CREATE INDEX ix_case_review_role_unit_rank_gravity_since_case_id ON case_review (role, unit, rank, gravity, since, case_id);

CREATE TABLE case_seat (
    case_id VARCHAR(40) NOT NULL,
    account VARCHAR(40) NOT NULL,
    seat VARCHAR(80) NOT NULL,
    until DATE,
    CONSTRAINT pk_case_seat PRIMARY KEY (case_id, account, seat),
    CONSTRAINT fk_case_seat_case_id FOREIGN KEY(case_id) REFERENCES case_index (case_id) ON DELETE CASCADE
);

CREATE INDEX ix_case_seat_account_case_id ON case_seat (account, case_id);

CREATE TABLE case_waiting (
    case_id VARCHAR(40) NOT NULL,
    role VARCHAR(80) NOT NULL,
    is_next BOOLEAN DEFAULT true NOT NULL,
    act VARCHAR(80),
    need VARCHAR(80),
    since TIMESTAMP WITH TIME ZONE,
    CONSTRAINT pk_case_waiting PRIMARY KEY (case_id, role),
    CONSTRAINT fk_case_waiting_case_id FOREIGN KEY(case_id) REFERENCES case_index (case_id) ON DELETE CASCADE
);

CREATE TABLE door_review (
    case_id VARCHAR(40) NOT NULL,
    seq INTEGER NOT NULL,
    account VARCHAR(40) NOT NULL,
    due_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT pk_door_review PRIMARY KEY (case_id, seq),
    CONSTRAINT fk_door_review_case_id FOREIGN KEY(case_id) REFERENCES case_index (case_id) ON DELETE CASCADE
);

CREATE INDEX ix_door_review_due_at ON door_review (due_at);

CREATE TABLE event_words (
    case_id VARCHAR(40) NOT NULL,
    seq INTEGER NOT NULL,
    object_id VARCHAR(80) NOT NULL,
    sealed BYTEA NOT NULL,
    CONSTRAINT pk_event_words PRIMARY KEY (case_id, seq),
    CONSTRAINT fk_event_words_case_id_seq FOREIGN KEY(case_id, seq) REFERENCES event (case_id, seq)
);

CREATE TABLE public_message (
    report VARCHAR(40) NOT NULL,
    place INTEGER NOT NULL,
    by_reporter BOOLEAN NOT NULL,
    hour INTEGER NOT NULL,
    sealed BYTEA NOT NULL,
    CONSTRAINT pk_public_message PRIMARY KEY (report, place),
    CONSTRAINT ck_public_message_messages_count CHECK (place >= 1),
    CONSTRAINT fk_public_message_report FOREIGN KEY(report) REFERENCES public_report (id) DEFERRABLE INITIALLY DEFERRED
);

CREATE INDEX ix_public_message_hour ON public_message (hour);

CREATE TABLE public_trace (
    id VARCHAR(40) NOT NULL,
    report VARCHAR(40) NOT NULL,
    account VARCHAR(40) NOT NULL,
    what VARCHAR(80) NOT NULL,
    hour INTEGER NOT NULL,
    CONSTRAINT pk_public_trace PRIMARY KEY (id),
    CONSTRAINT fk_public_trace_report FOREIGN KEY(report) REFERENCES public_report (id) DEFERRABLE INITIALLY DEFERRED
);

CREATE INDEX ix_public_trace_hour ON public_trace (hour);

CREATE INDEX ix_public_trace_report ON public_trace (report);

CREATE TABLE public_twin (
    report VARCHAR(40) NOT NULL,
    mark BYTEA NOT NULL,
    CONSTRAINT pk_public_twin PRIMARY KEY (report, mark),
    CONSTRAINT ck_public_twin_twin_is_keyed CHECK (length(mark) = 32),
    CONSTRAINT fk_public_twin_report FOREIGN KEY(report) REFERENCES public_report (id) DEFERRABLE INITIALLY DEFERRED
);

CREATE TABLE review_state (
    case_id VARCHAR(40) NOT NULL,
    state VARCHAR(80) NOT NULL,
    since TIMESTAMP WITH TIME ZONE NOT NULL,
    due_at TIMESTAMP WITH TIME ZONE,
    observations INTEGER NOT NULL,
    CONSTRAINT pk_review_state PRIMARY KEY (case_id),
    CONSTRAINT fk_review_state_case_id FOREIGN KEY(case_id) REFERENCES case_index (case_id) ON DELETE CASCADE
);

CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $body$
BEGIN
    RAISE EXCEPTION USING ERRCODE = 'integrity_constraint_violation',
        MESSAGE = TG_TABLE_NAME || ' is append-only';
END
$body$;

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

CREATE TRIGGER event_no_change BEFORE UPDATE OR DELETE ON event FOR EACH ROW EXECUTE FUNCTION refuse_change();

CREATE TRIGGER event_no_truncate BEFORE TRUNCATE ON event FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

CREATE TRIGGER case_record_no_change BEFORE UPDATE OR DELETE ON case_record FOR EACH ROW EXECUTE FUNCTION refuse_change();

CREATE TRIGGER case_record_no_truncate BEFORE TRUNCATE ON case_record FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

CREATE TRIGGER tombstone_no_change BEFORE UPDATE OR DELETE ON tombstone FOR EACH ROW EXECUTE FUNCTION refuse_change();

CREATE TRIGGER tombstone_no_truncate BEFORE TRUNCATE ON tombstone FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

CREATE SEQUENCE access_place AS bigint;

CREATE TRIGGER access_no_change BEFORE UPDATE OR DELETE ON access FOR EACH ROW EXECUTE FUNCTION refuse_change();

CREATE TRIGGER access_no_truncate BEFORE TRUNCATE ON access FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

CREATE TRIGGER access_batch_no_change BEFORE UPDATE OR DELETE ON access_batch FOR EACH ROW EXECUTE FUNCTION refuse_change();

CREATE TRIGGER access_batch_no_truncate BEFORE TRUNCATE ON access_batch FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

CREATE TRIGGER anchor_taken_no_change BEFORE UPDATE OR DELETE ON anchor_taken FOR EACH ROW EXECUTE FUNCTION refuse_change();

CREATE TRIGGER anchor_taken_no_truncate BEFORE TRUNCATE ON anchor_taken FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

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
