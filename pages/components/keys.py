"""Names of everything kept between runs; those marked URL are bound to the address and can be shared.

One value has one name: the fields of different pages share the session, and would share a value.
"""

from typing import Any

import streamlit as st

WORKSPACE = "ws"  # URL
MISSING_WORKSPACE = "missing-ws"  # the address named it, and it is not here
AUTHOR = "author"  # kept by the browser
WHAT = "what"  # URL: eval, train or text
ROW = "row"  # URL
LABEL = "label"  # URL
K = "k"  # URL
LIST_PAGE = "list-page"  # URL
CARD_QUERY = "card-query"  # URL: whether the cards of Inspect show the query's words, too
METHOD, SCORE = "method", "score"  # URL
EXPLANATIONS = "explanations"  # URL
SEARCH = "q"  # URL
ONLY_ERRORS = "errors"  # URL
TEXT, TEXT_B = "text", "text_b"  # URL, if short
REASON_FIELD = "reason-field"  # key of the field on the page that is drawn; None if it has none
MESSAGE = "message"
TOUR = "tour-step"  # the number of the step, from 0; negative once it has ended
SEEN_RUNNING = "seen-running"  # folders of the jobs that ran when a page was drawn last
THROUGH_APP = "through-app"
TURN_TO = "turn-to"  # the page that a callback wants shown
ASKED = "asked"
SIDE, TEMPLATE = "words", "template"  # URL
ANSWER_OF = "answer-of"  # URL
BASE = "base"  # URL: whether the base model is asked, too
OWN_MOST, OWN_TEMPERATURE, OWN_SEED = "most-tokens", "temperature", "drawn-by"  # URL
OWN_ANSWERS = "own-answers"  # what the model answered in this session
SHOWN = "shown"  # the question whose answer is on the page
LOG_START = "log-start"
LOG_ACTION = "action"  # URL
LOG_AUTHOR, LOG_ROW = "by", "of-row"  # URL
LOG_ACTIVE = "active"  # URL
CHANGES_PART = "changes"  # URL
DIFF_FROM, DIFF_TO, DIFF_KIND = "since", "until", "difference"  # URL
DIFF_PAGE, VERSIONS_PAGE = "diff-page", "versions-page"  # URL
FREEZE_MESSAGE = "freeze-message"
RESTORE_OPEN = "restore-open"  # the version whose restoring is looked at
QUEUE_SERVES, QUEUE_REASON, QUEUE_LABEL, QUEUE_STATE = "for", "reason-of", "class", "decision"  # URL
QUEUE_VIEW, QUEUE_ROW = "view", "at"  # URL
QUEUE_PAGE = "queue-page"  # URL
QUEUE_OPINION = "queue-opinion"  # a row of the queue, and what the reviewer called it in blind mode
WORD, WORD_SEARCH, WORD_KIND, WORD_ORDER = "word", "word-find", "kind", "order"  # URL
WORD_SIDE = "word-side"  # URL
WORDS_PAGE, WORD_ROWS_PAGE = "words-page", "word-rows-page"  # URL
ROW_WORDS = "row-words"  # the training row whose words are shown with their influence
SOURCE_STEP = "checkpoint"  # URL
SCORE_VIEW, SCORE_NAME, SCORE_END, SCORE_ROW = "show", "score-of", "end", "about"  # URL
MAP_COLOUR = "map-colour"  # URL
MAP = "data-map"
SCORE_PAGE = "score-page"  # URL
EXPORT_WHAT, EXPORT_FORMAT = "export", "format"  # URL
TRIAL_STRATEGY, TRIAL_SEEDS, TRIAL_GUIDE = "strategy", "seeds", "guide"  # URL
TRIAL_ROW, TRIAL_TEXT, TRIAL_TEXT_B, TRIAL_LABEL = "follow", "sentence", "sentence_b", "follow-class"
TRIAL_OF = "asked-of"  # URL: of a language model, whether a prompt or an eval row is asked about
TRIAL_PROMPT, TRIAL_ANSWER, TRIAL_FURTHER = "trial-prompt", "trial-answer", "trial-further"
TRIAL_ANSWERS = "answers"  # URL
TRIAL_EPOCHS = "epochs"  # URL
TRIAL_START = "start-model"
REPORT, REPORT_FIGURE, REPORT_DETAIL = "report", "figure", "by-part"  # URL
REPORT_NEWEST = "report-newest"
REPORT_ANSWERS = "answers-shown"  # URL
EXPORT_MANIFEST, EXPORT_DEFUSE = "manifest", "defuse"  # URL
NEW_EVAL, NEW_MODEL = "eval-from", "model-from"  # URL
NEW_NAME = "new-name"  # URL
NEW_SKIP = "new-skip"
NEW_MERGE = "new-merge"
NEW_JOINED = "new-joined"
NEW_FOLDER, NEW_HUB, NEW_RUN, NEW_LAYERS = "new-folder", "new-hub", "new-run", "new-layers"  # URL
NEW_BASE = "new-base"  # URL
NEW_EPOCHS, NEW_RATE, NEW_LENGTH = "new-epochs", "new-rate", "new-length"  # URL
NEW_BATCH, NEW_SEED, NEW_OPTIONS = "new-batch", "new-seed", "new-options"  # URL
NEW_TASK = "new-task"
NEW_FORM, NEW_TRAINED = "new-form", "new-trained"
NEW_NAMES = "new-names"  # URL
IMPORT_SKIP = "import-skip"
PATCH_REPLACE = "patch-replace"
HELP_PART = "part"  # URL
DELETION_QUERIES, DELETION_SEEDS, DELETION_WRONG = "queries", "trainings", "wrong-only"  # URL

PAIR_OF, PAIR_TEST, PAIR_TRAIN, PAIR_LABEL = "pair-of", "test", "train", "why"  # URL
PAIR_TEXT, PAIR_TEXT_B = "test-text", "test-text-b"  # URL, if short
PAIR_OPEN = "pair-open"  # the pair that Inspect shows in a dialog
ROWS_OF, ROWS_FIND, ROWS_REGEX = "rows", "rows-find", "pattern"  # URL
ROWS_LABEL, ROWS_PREDICTED, ROWS_GROUP, ROWS_DECISION = "of-class", "predicted", "group", "state"  # URL
ROWS_WRONG, ROWS_SCORE, ROWS_LOW, ROWS_HIGH = "wrong", "range-of", "from", "to"  # URL
ROWS_SORT, ROWS_DESCENDING, ROWS_COLOUR = "sort", "descending", "rows-colour"  # URL
ROWS_PAGE = "rows-at"  # URL
ROWS_MAP, ROWS_SLICE, ROWS_NAME = "rows-map", "rows-slice", "rows-name"
CORRECTING = "correcting"  # the editor of a conversation that is open
BULK_TARGET = "bulk-target"
BULK_ACTION, BULK_LABEL, BULK_REASON = "bulk-action", "bulk-label", "bulk-reason"
BULK_BACK = "bulk-back"  # whether removed rows are decided about, too
BULK_OPEN, BULK_LACKS = "bulk-open", "bulk-lacks"  # whether the dialog is open; whether it lacks a reason


def get(key: str, default: Any = None) -> Any:
    """A value kept in this session."""
    return st.session_state.get(key, default)


def put(key: str, value: Any) -> None:
    """Keep a value; in a callback also the way to set a widget."""
    st.session_state[key] = value
