"""What models have read before messages, such as memories; taken back once those are deleted."""

from __future__ import annotations

from collections.abc import Sequence

from ..database import Database

__all__ = ["forget_states", "take_back"]

_AFTER = """WITH RECURSIVE after (number, id, conversation) AS (
  SELECT number, id, conversation FROM messages WHERE id = ?
  UNION ALL
  SELECT messages.number, messages.id, messages.conversation FROM messages JOIN after
  ON messages.conversation = after.conversation AND messages.parent = after.id
)"""


def take_back(database: Database, texts: Sequence[str] | None) -> list[str]:
    """Takes paragraphs that were read before messages out of a store, as if they never had been.

    The states that have read them, or anything after them, go as well: the model reads those
    messages again without the paragraph when it goes on there.

    Parameters
    ----------
    database : Database
        That of a `ConversationStore`.
    texts : sequence of str or None
        A paragraph goes if it has one of them in it; ``None``: all go.

    Returns
    -------
    list of str
        The ids of the messages concerned, and of all that follow them.

    Raises
    ------
    FileError
        If it cannot be written; nothing has changed then.
    """
    found: list[str] = []
    database.execute("PRAGMA secure_delete = ON")
    with database.transaction():
        rows = database.execute(
            "SELECT id, raw FROM messages WHERE role = 'user' AND raw IS NOT NULL"
        )
        for id, raw in rows:
            paragraph, _, rest = str(raw).partition("\n\n")
            if not rest.startswith("User:"):
                continue  # nothing was read before the message
            if texts is not None and not any(text in paragraph for text in texts):
                continue
            database.execute("UPDATE messages SET raw = NULL WHERE id = ?", (id,))
            found += [
                str(row[0]) for row in database.execute(f"{_AFTER} SELECT id FROM after", (id,))
            ]
            forget_states(database, [str(id)])
    return list(dict.fromkeys(found))


def forget_states(database: Database, ids: Sequence[str]) -> None:
    """Deletes the states at messages and at all that follow them.

    Parameters
    ----------
    database : Database
        That of a `ConversationStore`.
    ids : sequence of str
        The messages; those that are not there are passed over.

    Raises
    ------
    FileError
        If it cannot be written; nothing has changed then.
    """
    with database.transaction():
        for id in ids:
            database.execute(
                f"{_AFTER} DELETE FROM states WHERE message IN (SELECT number FROM after)", (id,)
            )
