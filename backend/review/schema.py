"""The SQL of the log: one table that only grows, and views that derive everything from it."""

from collections.abc import Sequence

VERSION = 1

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

PRAGMA user_version = 1;
COMMIT;
"""

# Views of the connection, not of the file, so that a log written by an earlier Firstword means the same.
# A decision's place in the order of those in force is ``rank``: one that was redone is as new as its redo.
# Beside max(), SQLite takes the other columns from the row with the maximum: its documented behaviour.
VIEWS = """
CREATE TEMP VIEW latest AS
    SELECT undoes AS batch, action, max(seq) AS seq FROM log WHERE undoes IS NOT NULL GROUP BY undoes;
CREATE TEMP VIEW undone AS
    SELECT batch, seq FROM latest WHERE action = 'undo';
CREATE TEMP VIEW in_force AS
    SELECT log.*, coalesce(latest.seq, log.seq) AS rank FROM log LEFT JOIN latest USING (batch)
    WHERE log.row_id IS NOT NULL AND latest.action IS NOT 'undo';
CREATE TEMP VIEW entry AS
    SELECT *, CASE WHEN undoes IS NULL THEN batch NOT IN (SELECT batch FROM undone)
                   ELSE seq IN (SELECT seq FROM latest) END AS active
    FROM log;
CREATE TEMP VIEW state AS
    WITH last AS (SELECT row_id, action, reason, author, at, max(rank) FROM in_force GROUP BY row_id),
         label AS (SELECT row_id, new_label, max(rank) FROM in_force
                   WHERE action = 'relabel' GROUP BY row_id)
    SELECT row_id, action, new_label AS label, reason, author, at FROM last LEFT JOIN label USING (row_id);
"""

INSERT = """
    INSERT INTO log (batch, at, author, action, row_id, old_label, new_label, reason, origin, undoes)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
"""
NEXT_BATCH = "SELECT coalesce(max(batch), 0) + 1 FROM log"
# The same as ORDER BY rank on in_force, without ranking the whole log.
NEWEST_ACTIVE = """
    SELECT batch FROM (
        SELECT * FROM (SELECT batch, seq FROM log WHERE row_id IS NOT NULL
                       AND batch NOT IN (SELECT batch FROM undone) ORDER BY seq DESC LIMIT 1)
        UNION ALL SELECT batch, seq FROM latest WHERE action = 'redo'
    ) ORDER BY seq DESC LIMIT 1
"""
LAST_UNDONE = "SELECT batch FROM undone ORDER BY seq DESC LIMIT 1"
BATCH_STATUS = "SELECT action, batch IN (SELECT batch FROM undone) FROM log WHERE batch = ? LIMIT 1"

ENTRIES_OF_BATCH = "SELECT * FROM entry WHERE batch = ? ORDER BY seq DESC LIMIT ?"
AUTHORS = "SELECT DISTINCT author FROM log ORDER BY author"
STATES = "SELECT row_id, action, label, reason, author, at FROM state"
# A row's first entry holds the label that it was given.
COUNTS = """
    SELECT action, count(*) FROM state WHERE action != 'relabel' GROUP BY action
    UNION ALL
    SELECT 'relabel', count(*) FROM state WHERE action != 'remove' AND label IS NOT NULL AND label IS NOT
        (SELECT old_label FROM log WHERE log.row_id = state.row_id ORDER BY seq LIMIT 1)
"""
STATE = """
    SELECT action, (SELECT new_label FROM in_force WHERE row_id = :row AND action = 'relabel'
                    ORDER BY rank DESC LIMIT 1), reason, author, at
    FROM in_force WHERE row_id = :row ORDER BY rank DESC LIMIT 1
"""


def entries(columns: Sequence[str]) -> str:
    """The query for a page of the log, newest first; entries must match in all ``columns``."""
    return f"SELECT * FROM entry {_where(columns)} ORDER BY seq DESC LIMIT :limit OFFSET :offset"  # noqa: S608


def count(columns: Sequence[str]) -> str:
    """The query for how many entries match in all ``columns``."""
    return f"SELECT count(*) FROM entry {_where(columns)}"  # noqa: S608


def _where(columns: Sequence[str]) -> str:
    # Column names come from the keywords of `Ledger.entries`, values only as parameters.
    return "WHERE " + " AND ".join(f"{name} = :{name}" for name in columns) if columns else ""
