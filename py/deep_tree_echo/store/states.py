"""The states of models at the ends of messages, and every few tokens of an answer."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..database import Database

if TYPE_CHECKING:
    from ..generation import Reading

STATES_MB = 256.0
"""Most that states may take in a store, in millions of bytes, unless it says otherwise."""


@dataclass(frozen=True, slots=True)
class KeptState:
    """A place in a message from which its model can go on.

    Parameters
    ----------
    position : int
        Tokens of the message that it has read.
    characters : int
        Characters of the answer's raw text that it has read.
    context_tokens : int
        Tokens from the beginning of the conversation.
    reading : Reading
        The state, and the logits of the next token.
    """

    position: int
    characters: int
    context_tokens: int
    reading: Reading


class States:
    """The states of a store; see `ConversationStore` for their budget.

    A state belongs to one message of one conversation and to one model, told by its fingerprint;
    it is never given to another one. Without NumPy, or for a model without fingerprint, there
    are none.
    """

    def __init__(self, database: Database, budget_mb: float, now: Callable[[], int]) -> None:
        self._database = database
        self.budget = int(budget_mb * 1e6)
        """Most bytes that they may take."""
        self._now = now

    @property
    def n_bytes(self) -> int:
        """What they take."""
        (total,) = self._database.execute("SELECT coalesce(sum(bytes), 0) FROM states")[0]
        assert isinstance(total, int)
        return total

    def keep(
        self, message: str, position: int, characters: int, context_tokens: int, reading: Any
    ) -> bool:
        """Keeps where a model stands in a message.

        Parameters
        ----------
        message : str
            The message's id.
        position : int
            Tokens of it that have been read; -1 for its end.
        characters, context_tokens : int
            As in `KeptState`.
        reading : Reading
            What a generation gives as its state; of what else it may give nothing is kept.

        Returns
        -------
        bool
            Whether it is kept: not if its model is unknown or it is larger than the budget.

        Raises
        ------
        FileError
            If it cannot be written.
        """
        state: Any = getattr(reading, "state", None)
        logits: Any = getattr(reading, "logits", None)
        if logits is None or not getattr(state, "fingerprint", ""):
            return False
        if state.nbytes + logits.nbytes > self.budget:
            return False
        from .packing import pack

        facts = {
            "position": position,
            "fingerprint": state.fingerprint,
            "characters": characters,
            "context_tokens": context_tokens,
            "mark": reading.mark,
        }
        self.put(message, facts, pack(state.to_numpy()), pack(logits))
        return True

    def put(self, message: str, facts: Mapping[str, Any], numbers: bytes, logits: bytes) -> None:
        """Keeps a state that is packed already; ``facts`` are the columns of its table."""
        if (n_bytes := len(numbers) + len(logits)) > self.budget:
            return
        names = ("position", "fingerprint", "characters", "context_tokens", "mark")
        with self._database.transaction():
            rows = self._database.execute(
                """INSERT OR REPLACE INTO states (message, position, fingerprint,
                  characters, context_tokens, mark, used, bytes)
                SELECT number, ?, ?, ?, ?, ?, ?, ? FROM messages WHERE id = ? RETURNING number""",
                (*(facts[name] for name in names), self._now(), n_bytes, message),
            )
            for (number,) in rows:
                self._database.execute(
                    "INSERT INTO numbers VALUES (?, ?, ?)", (number, numbers, logits)
                )
            self._make_room()

    def _make_room(self) -> None:
        too_much = self.n_bytes - self.budget
        if too_much <= 0:
            return
        # A tenth more than needed, so that this is not done for each one.
        too_much += self.budget // 10
        rows = self._database.execute(
            "SELECT number, bytes FROM states ORDER BY position < 0, used"
        )
        # The newest is the one that has just been kept.
        (newest,) = self._database.execute("SELECT max(number) FROM states")[0]
        for number, n_bytes in rows:
            if too_much <= 0:
                break
            if number == newest:
                continue
            assert isinstance(n_bytes, int)
            self._database.execute("DELETE FROM states WHERE number = ?", (number,))
            too_much -= n_bytes

    def at_end(self, message: str, model: Any) -> KeptState | None:
        """The state at the end of a message; ``None`` if none of ``model`` is kept.

        Parameters
        ----------
        message : str
            The message's id.
        model : HasStateShape
            Whose state it must be.
        """
        return self._find("position = -1", (message,), model)

    def before(self, message: str, position: int, model: Any) -> KeptState | None:
        """The last state of an answer after at most ``position`` of its tokens."""
        found = "position BETWEEN 1 AND ? ORDER BY position DESC LIMIT 1"
        return self._find(found, (message, position), model)

    def _find(self, where: str, values: tuple[str | int, ...], model: Any) -> KeptState | None:
        fingerprint = getattr(model, "fingerprint", "")
        if not fingerprint:
            return None
        rows = self._database.execute(
            f"""SELECT number, position, characters, context_tokens, mark, numbers, logits
            FROM states JOIN numbers ON numbers.state = states.number
            WHERE fingerprint = ?
              AND message = (SELECT number FROM messages WHERE id = ?) AND {where}""",
            (fingerprint, *values),
        )
        if not rows:
            return None
        number, position, characters, context_tokens, mark, numbers, expected = rows[0]
        # Without NumPy there is no fingerprint.
        import numpy as np

        from ..generation import Reading
        from ..state import State
        from .packing import unpack

        assert isinstance(numbers, bytes)
        assert isinstance(expected, bytes)
        shape = model.state_shape
        array, logits = unpack(numbers, shape.size), unpack(expected, model.n_vocab)
        if array is None or logits is None or not np.isfinite(array).all():
            # It is damaged. The text is there; it is read again.
            self.forget_one(number)
            return None
        self._database.execute("UPDATE states SET used = ? WHERE number = ?", (self._now(), number))
        assert isinstance(position, int)
        assert isinstance(characters, int)
        assert isinstance(context_tokens, int)
        assert isinstance(mark, int)
        logits.setflags(write=False)
        state = State(shape, array, fingerprint)
        return KeptState(position, characters, context_tokens, Reading(state, logits, mark))

    def forget_one(self, number: Any) -> None:
        """Deletes one state by its number in the table."""
        self._database.execute("DELETE FROM states WHERE number = ?", (number,))

    def forget_ends(self, message: str) -> None:
        """Deletes the states at the end of a message that goes on."""
        self._database.execute(
            "DELETE FROM states WHERE position = -1 "
            "AND message = (SELECT number FROM messages WHERE id = ?)",
            (message,),
        )

    def forget(self) -> None:
        """Deletes all of them, which gives their room back."""
        self._database.execute("DELETE FROM states")
