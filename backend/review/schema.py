"""The SQL of the log: tables that only grow, and views that derive everything from them."""

from collections.abc import Sequence

VERSION = 2

# The insert triggers are there because INSERT OR REPLACE deletes rows without firing the delete trigger.
_LOG = """
CREATE TABLE log (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    batch INTEGER NOT NULL,
    at TEXT NOT NULL,
    author TEXT NOT NULL,
    action TEXT NOT NULL CHECK (action IN ('keep', 'flag', 'remove', 'relabel', 'clear', 'undo', 'redo')),
    row_id TEXT,
    old_label TEXT,
    new_label TEXT,
    reason TEXT NOT NULL,
    origin TEXT NOT NULL CHECK (origin IN ('cli', 'app', 'api')),
    undoes INTEGER,
    note TEXT NOT NULL DEFAULT '',
    CHECK ((action IN ('undo', 'redo')) = (undoes IS NOT NULL)),
    CHECK ((row_id IS NULL) = (undoes IS NOT NULL)),
    CHECK ((action = 'relabel') = (new_label IS NOT NULL))
);
"""
_LOG_ONLY_GROWS = """
CREATE INDEX log_row ON log (row_id, seq) WHERE row_id IS NOT NULL;
CREATE INDEX log_batch ON log (batch);
CREATE INDEX log_undoes ON log (undoes, seq) WHERE undoes IS NOT NULL;

CREATE TRIGGER log_no_update BEFORE UPDATE ON log
    BEGIN SELECT RAISE(ABORT, 'the log is append-only'); END;
CREATE TRIGGER log_no_delete BEFORE DELETE ON log
    BEGIN SELECT RAISE(ABORT, 'the log is append-only'); END;
CREATE TRIGGER log_no_replace BEFORE INSERT ON log WHEN EXISTS (SELECT 1 FROM log WHERE seq = NEW.seq)
    BEGIN SELECT RAISE(ABORT, 'the log is append-only'); END;
"""
# A version is a place in the log; what was decided there is derived like all else.
_VERSIONS = """
CREATE TABLE version (
    number INTEGER PRIMARY KEY,
    seq INTEGER NOT NULL,
    at TEXT NOT NULL,
    author TEXT NOT NULL,
    message TEXT NOT NULL
);
CREATE TRIGGER version_no_update BEFORE UPDATE ON version
    BEGIN SELECT RAISE(ABORT, 'versions are append-only'); END;
CREATE TRIGGER version_no_delete BEFORE DELETE ON version
    BEGIN SELECT RAISE(ABORT, 'versions are append-only'); END;
CREATE TRIGGER version_no_replace BEFORE INSERT ON version
    WHEN EXISTS (SELECT 1 FROM version WHERE number = NEW.number)
    BEGIN SELECT RAISE(ABORT, 'versions are append-only'); END;
"""
_END = f"""
PRAGMA user_version = {VERSION};
COMMIT;
"""
CREATE = f"BEGIN IMMEDIATE; {_LOG} {_LOG_ONLY_GROWS} {_VERSIONS} {_END}"

# Version 1 knew no clear, no note and no versions. A CHECK can only be changed with its table.
_AWAY = """
DROP TRIGGER log_no_update; DROP TRIGGER log_no_delete; DROP TRIGGER log_no_replace;
DROP INDEX log_row; DROP INDEX log_batch; DROP INDEX log_undoes;
ALTER TABLE log RENAME TO log_1;
"""
_BACK = """
INSERT INTO log SELECT *, '' FROM log_1;
DROP TABLE log_1;
"""
UPGRADE = f"BEGIN IMMEDIATE; {_AWAY} {_LOG} {_BACK} {_LOG_ONLY_GROWS} {_VERSIONS} {_END}"

# Views of the connection, not of the file, so that a log written by an earlier Firstword means the same.
# A decision's place in the order of those in force is ``rank``: one that was redone is as new as its redo,
# and of those of one batch on one row the later counts.
# Beside max(), SQLite takes the other columns from the row with the maximum: its documented behaviour.
_VIEWS = """
CREATE TEMP VIEW latest AS
    SELECT undoes AS batch, action, author, max(seq) AS seq FROM past
    WHERE undoes IS NOT NULL GROUP BY undoes;
CREATE TEMP VIEW undone AS
    SELECT batch, author, seq FROM latest WHERE action = 'undo';
CREATE TEMP VIEW in_force AS
    SELECT past.*, (coalesce(latest.seq, past.seq) << 31) + past.seq AS rank
    FROM past LEFT JOIN latest USING (batch)
    WHERE past.row_id IS NOT NULL AND latest.action IS NOT 'undo';
CREATE TEMP VIEW entry AS
    SELECT *, CASE WHEN undoes IS NULL THEN batch NOT IN (SELECT batch FROM undone)
                   ELSE seq IN (SELECT seq FROM latest) END AS active
    FROM past;
CREATE TEMP VIEW state AS
    WITH last AS (SELECT row_id, action, reason, author, at, max(rank) FROM in_force GROUP BY row_id),
         label AS (SELECT row_id, new_label, max(rank) FROM in_force
                   WHERE action IN ('relabel', 'clear') GROUP BY row_id)
    SELECT row_id, action, new_label AS label, reason, author, at FROM last LEFT JOIN label USING (row_id)
    WHERE action != 'clear';
"""
_NO_VERSIONS = """
CREATE TEMP VIEW version AS
    SELECT 0 AS number, 0 AS seq, '' AS at, '' AS author, '' AS message WHERE false;
"""


def views(version: int, until: int | None = None) -> str:
    """The views over a log of schema ``version``, as it was after entry ``until`` (None: as it is)."""
    # A view takes no parameters; a whole number can do no harm in the text.
    bound = "" if until is None else f"WHERE seq <= {until:d}"
    note = "note" if version > 1 else "'' AS note"
    columns = f"seq, batch, at, author, action, row_id, old_label, new_label, reason, origin, undoes, {note}"
    past = f"CREATE TEMP VIEW past AS SELECT {columns} FROM log {bound};"  # noqa: S608
    return past + _VIEWS + (_NO_VERSIONS if version == 1 else "")


INSERT = """
    INSERT INTO log (batch, at, author, action, row_id, old_label, new_label, reason, origin, undoes, note)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
"""
NEXT_BATCH = "SELECT coalesce(max(batch), 0) + 1 FROM log"
# The same as ORDER BY rank on in_force, without ranking the whole log. Of one author, or (NULL) of all: what
# this author decided or redid last, and undid last.
NEWEST_ACTIVE = """
    SELECT batch FROM (
        SELECT * FROM (SELECT batch, seq FROM log WHERE row_id IS NOT NULL
                       AND (:author IS NULL OR author = :author)
                       AND batch NOT IN (SELECT batch FROM undone) ORDER BY seq DESC LIMIT 1)
        UNION ALL SELECT batch, seq FROM latest
                  WHERE action = 'redo' AND (:author IS NULL OR author = :author)
    ) ORDER BY seq DESC LIMIT 1
"""
LAST_UNDONE = "SELECT batch FROM undone WHERE :author IS NULL OR author = :author ORDER BY seq DESC LIMIT 1"
BATCH_STATUS = "SELECT action, batch IN (SELECT batch FROM undone) FROM log WHERE batch = ? LIMIT 1"

ENTRIES_OF_BATCH = "SELECT * FROM entry WHERE batch = ? ORDER BY seq DESC LIMIT ?"
BATCH_SIZE = "SELECT count(*), count(DISTINCT row_id) FROM log WHERE batch = ?"
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
    SELECT * FROM (
        SELECT action, (SELECT new_label FROM in_force
                        WHERE row_id = :row AND action IN ('relabel', 'clear')
                        ORDER BY rank DESC LIMIT 1), reason, author, at
        FROM in_force WHERE row_id = :row ORDER BY rank DESC LIMIT 1
    ) WHERE action != 'clear'
"""
LAST_ENTRY = "SELECT seq FROM log ORDER BY seq DESC LIMIT 1"
VERSIONS = "SELECT number, seq, at, author, message FROM version ORDER BY number"
NEWEST_VERSION = "SELECT number, seq, at, author, message FROM version ORDER BY number DESC LIMIT 1"
INSERT_VERSION = "INSERT INTO version (number, seq, at, author, message) VALUES (?, ?, ?, ?, ?)"
# Batches that came into force after entry :seq (a redone one outranks what came before), or were in force
# there and are no longer.
CHANGED_SINCE = """
    WITH touched AS (SELECT DISTINCT coalesce(undoes, batch) AS batch FROM log WHERE seq > :seq)
    SELECT count(*) FROM touched WHERE batch NOT IN (SELECT batch FROM undone) OR (
        EXISTS (SELECT 1 FROM log WHERE log.batch = touched.batch AND seq <= :seq)
        AND 'undo' IS NOT (SELECT action FROM log WHERE undoes = touched.batch AND seq <= :seq
                           ORDER BY seq DESC LIMIT 1)
    )
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
