"""The SQL of the log: one table that only grows, and views that derive everything from it."""

VERSION = 1

# Beside max(), SQLite takes the other columns from the row with the maximum: its documented behaviour.
# The insert trigger is there because INSERT OR REPLACE deletes rows without firing the delete trigger.
CREATE = """
BEGIN IMMEDIATE;

CREATE TABLE log (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    batch INTEGER NOT NULL,
    at TEXT NOT NULL,
    author TEXT NOT NULL,
    action TEXT NOT NULL CHECK (action IN ('keep', 'flag', 'remove', 'relabel', 'undo', 'redo')),
    row_id TEXT,
    old_label TEXT,
    new_label TEXT,
    reason TEXT NOT NULL,
    origin TEXT NOT NULL CHECK (origin IN ('cli', 'app', 'api')),
    undoes INTEGER,
    CHECK ((action IN ('undo', 'redo')) = (undoes IS NOT NULL)),
    CHECK ((row_id IS NULL) = (undoes IS NOT NULL)),
    CHECK ((action = 'relabel') = (new_label IS NOT NULL))
);
CREATE INDEX log_row ON log (row_id, seq) WHERE row_id IS NOT NULL;
CREATE INDEX log_batch ON log (batch);
CREATE INDEX log_undoes ON log (undoes, seq) WHERE undoes IS NOT NULL;

CREATE TRIGGER log_no_update BEFORE UPDATE ON log
    BEGIN SELECT RAISE(ABORT, 'the log is append-only'); END;
CREATE TRIGGER log_no_delete BEFORE DELETE ON log
    BEGIN SELECT RAISE(ABORT, 'the log is append-only'); END;
CREATE TRIGGER log_no_replace BEFORE INSERT ON log WHEN EXISTS (SELECT 1 FROM log WHERE seq = NEW.seq)
    BEGIN SELECT RAISE(ABORT, 'the log is append-only'); END;

-- The newest undo or redo about each batch, and the batches that are undone by it.
CREATE VIEW latest AS
    SELECT undoes AS batch, action, max(seq) AS seq FROM log WHERE undoes IS NOT NULL GROUP BY undoes;
CREATE VIEW undone AS
    SELECT batch, seq FROM latest WHERE action = 'undo';
CREATE VIEW in_force AS
    SELECT * FROM log WHERE row_id IS NOT NULL AND batch NOT IN (SELECT batch FROM undone);
CREATE VIEW entry AS
    SELECT *, CASE WHEN undoes IS NULL THEN batch NOT IN (SELECT batch FROM undone)
                   ELSE seq IN (SELECT seq FROM latest) END AS active
    FROM log;
CREATE VIEW state AS
    SELECT row_id, action, new_label, reason, author, at, max(seq) AS seq FROM in_force GROUP BY row_id;

PRAGMA user_version = 1;
COMMIT;
"""

INSERT = """
    INSERT INTO log (batch, at, author, action, row_id, old_label, new_label, reason, origin, undoes)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
"""
NEXT_BATCH = "SELECT coalesce(max(batch), 0) + 1 FROM log"
NEWEST_ACTIVE = "SELECT max(batch) FROM in_force"
LAST_UNDONE = "SELECT batch, max(seq) FROM undone"
BATCH_STATUS = "SELECT action, batch IN (SELECT batch FROM undone) FROM log WHERE batch = ? LIMIT 1"

ENTRIES = "SELECT * FROM entry ORDER BY seq DESC LIMIT ? OFFSET ?"
ENTRIES_OF_ROW = "SELECT * FROM entry WHERE row_id = ? ORDER BY seq DESC LIMIT ? OFFSET ?"
ENTRIES_OF_BATCH = "SELECT * FROM entry WHERE batch = ? ORDER BY seq DESC"
STATES = "SELECT row_id, action, new_label, reason, author, at FROM state"
COUNTS = "SELECT action, count(*) FROM state GROUP BY action"
STATE = """
    SELECT action, new_label, reason, author, at FROM in_force WHERE row_id = ? ORDER BY seq DESC LIMIT 1
"""
