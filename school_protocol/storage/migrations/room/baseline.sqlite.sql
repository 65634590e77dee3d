-- Every table of a room of workshops, with what guards its rows, on SQLite.

CREATE TABLE room (
    id INTEGER NOT NULL,
    state VARCHAR(8) NOT NULL,
    moment DATETIME NOT NULL,
    since DATETIME NOT NULL,
    pace INTEGER NOT NULL,
    held_until DATETIME,
    frozen BOOLEAN NOT NULL,
    CONSTRAINT pk_room PRIMARY KEY (id),
    CONSTRAINT ck_room_one_row CHECK (id = 1),
    CONSTRAINT ck_room_state_known CHECK (state IN ('waiting', 'begun', 'ended')),
    CONSTRAINT ck_room_pace_known CHECK (pace IN (0, 1, 60))
);

CREATE TABLE room_table (
    number INTEGER NOT NULL,
    school VARCHAR(40) NOT NULL,
    province VARCHAR(40) NOT NULL,
    region VARCHAR(40) NOT NULL,
    hints BOOLEAN NOT NULL,
    hand_at DATETIME,
    came JSON NOT NULL,
    coming JSON NOT NULL,
    traps JSON NOT NULL,
    held JSON NOT NULL,
    cases JSON NOT NULL,
    next_at DATETIME,
    is_stale BOOLEAN NOT NULL,
    CONSTRAINT pk_room_table PRIMARY KEY (number)
);

CREATE TABLE room_try (
    id INTEGER NOT NULL,
    at_table INTEGER NOT NULL,
    name VARCHAR(80) NOT NULL,
    at DATETIME NOT NULL,
    CONSTRAINT pk_room_try PRIMARY KEY (id)
);

CREATE INDEX ix_room_try_at_table_name ON room_try (at_table, name);

CREATE TABLE room_word (
    id VARCHAR(40) NOT NULL,
    kind VARCHAR(8) NOT NULL,
    at_table INTEGER NOT NULL,
    at DATETIME NOT NULL,
    master INTEGER NOT NULL,
    wrapped BLOB NOT NULL,
    CONSTRAINT pk_room_word PRIMARY KEY (id),
    CONSTRAINT ck_room_word_kind_known CHECK (kind IN ('message', 'feedback'))
);

CREATE INDEX ix_room_word_kind_at ON room_word (kind, at);

CREATE TABLE room_attempt (
    id INTEGER NOT NULL,
    at_table INTEGER NOT NULL,
    at DATETIME NOT NULL,
    account VARCHAR(40) NOT NULL,
    role VARCHAR(80) NOT NULL,
    case_number VARCHAR(20) NOT NULL,
    name VARCHAR(80) NOT NULL,
    why JSON NOT NULL,
    codes JSON NOT NULL,
    CONSTRAINT pk_room_attempt PRIMARY KEY (id),
    CONSTRAINT fk_room_attempt_at_table FOREIGN KEY(at_table) REFERENCES room_table (number)
);

CREATE INDEX ix_room_attempt_at_table_id ON room_attempt (at_table, id);

CREATE TABLE room_seat (
    id VARCHAR(40) NOT NULL,
    at_table INTEGER NOT NULL,
    name VARCHAR(40) NOT NULL,
    account VARCHAR(40) NOT NULL,
    roles JSON NOT NULL,
    token BLOB,
    pin VARCHAR(8) NOT NULL,
    is_trainer BOOLEAN NOT NULL,
    joined_at DATETIME NOT NULL,
    seen_at DATETIME NOT NULL,
    left_at DATETIME,
    writing VARCHAR(200),
    writing_until DATETIME,
    CONSTRAINT pk_room_seat PRIMARY KEY (id),
    CONSTRAINT uq_room_seat_account UNIQUE (account),
    CONSTRAINT fk_room_seat_at_table FOREIGN KEY(at_table) REFERENCES room_table (number)
);

CREATE INDEX ix_room_seat_at_table_joined_at ON room_seat (at_table, joined_at);

CREATE INDEX ix_room_seat_token ON room_seat (token);
