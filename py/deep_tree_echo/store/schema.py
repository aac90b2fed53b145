"""The tables of conversations. A version that was released never changes; new ones follow it."""

from __future__ import annotations

NAME = "conversations"

VERSIONS = [
    """
-- Times are milliseconds since 1970.
CREATE TABLE conversations (
  id TEXT PRIMARY KEY,
  name TEXT NOT NULL DEFAULT '',
  created INTEGER NOT NULL,
  updated INTEGER NOT NULL,
  leaf TEXT -- the last message of the branch shown; NULL at the beginning
) WITHOUT ROWID;
CREATE INDEX conversations_by_time ON conversations (updated);

CREATE TABLE messages (
  number INTEGER PRIMARY KEY, -- the order in which they were made
  id TEXT NOT NULL UNIQUE,
  conversation TEXT NOT NULL REFERENCES conversations (id) DEFERRABLE INITIALLY DEFERRED,
  parent TEXT, -- the message before it; messages of one parent are versions of one another
  role TEXT NOT NULL CHECK (role IN ('user', 'assistant')),
  status TEXT NOT NULL CHECK (status IN ('streaming', 'done', 'failed')),
  text TEXT NOT NULL,
  raw TEXT, -- what a model has read or written of it, unless the text says that
  stop_reason TEXT,
  backend TEXT NOT NULL DEFAULT '',
  model TEXT NOT NULL DEFAULT '',
  figures TEXT, -- JSON
  problem TEXT,
  tokens BLOB, -- see tokens.py
  extra TEXT, -- JSON: what a door shows with it, in that door's own terms
  created INTEGER NOT NULL,
  UNIQUE (conversation, id),
  -- Not cascading: SQLite cascades no deeper than 1,000 levels, and a talk may be longer.
  FOREIGN KEY (conversation, parent) REFERENCES messages (conversation, id)
    DEFERRABLE INITIALLY DEFERRED
);
CREATE INDEX messages_in_order ON messages (conversation, number);
CREATE INDEX messages_after ON messages (conversation, parent);
CREATE INDEX messages_under_way ON messages (status) WHERE status = 'streaming';

-- The tokens of an answer while it streams; then they go to messages.tokens.
CREATE TABLE said (
  message INTEGER NOT NULL REFERENCES messages (number) ON DELETE CASCADE,
  position INTEGER NOT NULL,
  token INTEGER NOT NULL,
  probability REAL,
  text TEXT NOT NULL,
  PRIMARY KEY (message, position)
) WITHOUT ROWID;

CREATE TABLE states (
  number INTEGER PRIMARY KEY,
  message INTEGER NOT NULL REFERENCES messages (number) ON DELETE CASCADE,
  position INTEGER NOT NULL, -- tokens of the message that it has read; -1 at its end
  fingerprint TEXT NOT NULL, -- of the model that it belongs to
  characters INTEGER NOT NULL, -- of the answer's raw text that it has read
  context_tokens INTEGER NOT NULL,
  used INTEGER NOT NULL,
  bytes INTEGER NOT NULL, -- of its numbers and logits
  UNIQUE (message, fingerprint, position)
);
-- Those in the middle of answers go first.
CREATE INDEX states_by_use ON states (position < 0, used, bytes);

-- Apart from the states, whose time of use changes: SQLite writes whole rows.
CREATE TABLE numbers (
  state INTEGER PRIMARY KEY REFERENCES states (number) ON DELETE CASCADE,
  numbers BLOB NOT NULL, -- see packing.py
  logits BLOB NOT NULL
);

CREATE TABLE choices (
  name TEXT PRIMARY KEY,
  value TEXT NOT NULL -- JSON
) WITHOUT ROWID;

CREATE VIRTUAL TABLE words USING fts5(
  text, content='messages', content_rowid='number', tokenize='unicode61 remove_diacritics 2'
);
CREATE TRIGGER words_of_new AFTER INSERT ON messages BEGIN
  INSERT INTO words (rowid, text) VALUES (new.number, new.text);
END;
CREATE TRIGGER words_of_old AFTER DELETE ON messages BEGIN
  INSERT INTO words (words, rowid, text) VALUES ('delete', old.number, old.text);
END;
CREATE TRIGGER words_of_changed AFTER UPDATE OF text ON messages BEGIN
  INSERT INTO words (words, rowid, text) VALUES ('delete', old.number, old.text);
  INSERT INTO words (rowid, text) VALUES (new.number, new.text);
END;
""",
    """
-- The checksum of all that was read up to there; see generation.Reading.
ALTER TABLE states ADD COLUMN mark INTEGER NOT NULL DEFAULT 0;
""",
]
