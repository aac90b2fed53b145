"""The page's door to its memories: what was told, kept where the talks are, for the user's hand."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from .database import Database
from .errors import ArgumentError, EchoError
from .pagecalls import Calls
from .pagestore import PageStore
from .store.recalled import forget_states, take_back

if TYPE_CHECKING:
    from .membranes.memory import MemoryItem, MemoryMembrane

__all__ = ["PageMemories"]

_CHOICE = "memories"
_DEFAULTS = {"on": False, "recall": True, "exchanges": False}
_MOST_LISTED = 200

_SORTS: dict[str, Callable[[MemoryItem], tuple[float, float]]] = {
    "newest": lambda item: (-item.timestamp, 0.0),
    "oldest": lambda item: (item.timestamp, 0.0),
    "important": lambda item: (-item.importance, -item.timestamp),
    "used": lambda item: (-item.access_count, -item.timestamp),
}


class PageMemories:
    """What the page remembers: nothing until that is switched on.

    Parameters
    ----------
    store : PageStore
        Memories are in the same database as the talks.

    Examples
    --------
    >>> PageMemories(PageStore()).on
    False
    """

    def __init__(self, store: PageStore) -> None:
        self._store = store
        self._database: Database | None = None
        self._chosen = dict(_DEFAULTS)
        self._membrane: MemoryMembrane | None = None
        self._model: Any = None
        self._folded: dict[str, tuple[MemoryItem, str]] = {}
        methods: dict[str, Callable[..., Any]] = {
            "state": self._state,
            "choose": self._choose,
            "list": self._list,
            "some": self._some,
            "store": self._add,
            "edit": self._edit,
            "delete": self._delete,
            "restore": self._restore,
            "associate": lambda first, second: self._need().associate(first, second),
            "dissociate": lambda first, second: self._need().dissociate(first, second),
            "export": lambda: self._need().export_json(),
            "import": lambda text: self._need().import_json(text),
            "consolidate": self._consolidate,
            "forget": self._forget,
        }
        self.call = Calls("the memories have", methods)
        store.moves = self._move
        self.unread: Callable[[list[str]], bool] | None = None
        """Told the messages that are to be read again, for the memories in what was read are gone;
        whether an answer is under way."""
        self._gone: list[str] | None = []
        self._stale: list[str] = []

    @property
    def on(self) -> bool:
        """Whether what is said is remembered, and recalled."""
        self._look()
        return self._chosen["on"] and self._database is not None

    def use_model(self, model: Any) -> None:
        """Another model answers; ``None`` for a mock."""
        self._model = model
        if self._membrane is not None:
            self._membrane.use_model(model)

    def membrane(self) -> MemoryMembrane | None:
        """What takes part in an answer; ``None`` where nothing is to be remembered."""
        return self._need() if self.on else None

    @property
    def settings(self) -> dict[str, Any]:
        """The settings of the membrane for an answer; see `MemorySettings`."""
        self._look()
        changes: dict[str, Any] = {"exchanges": self._chosen["exchanges"]}
        return changes if self._chosen["recall"] else changes | {"recalls": 0}

    # ------------------------------------------------------------------ parts

    def _look(self) -> None:
        """Notices when the store has opened, or is elsewhere now."""
        kept = self._store.kept
        database = None if kept is None else kept.database
        if database is self._database:
            return
        self._database, self._membrane = database, None
        self._folded.clear()
        chosen = kept.choice(_CHOICE) if kept is not None else None
        given = chosen if isinstance(chosen, Mapping) else {}
        self._chosen = {
            name: given[name] if isinstance(given.get(name), bool) else default
            for name, default in _DEFAULTS.items()
        }

    def _need(self) -> MemoryMembrane:
        database = self._store.need().database
        self._look()
        if self._membrane is None:
            try:
                # It needs NumPy, which may be missing, and which few answers need.
                from .membranes.memory import MemoryMembrane
            except ImportError as error:
                raise EchoError(
                    "Memories need NumPy, which could not be fetched; reload the page."
                ) from error
            self._membrane = MemoryMembrane(database, self._model)
            self._membrane.on_gone = self._take_back
            self._membrane.learns = self._chosen["on"]
        return self._membrane

    def answered(self) -> None:
        """An answer has ended; what was deleted meanwhile is taken out of it as well."""
        gone, self._gone = self._gone, []
        stale, self._stale = self._stale, []
        if (gone == [] and not stale) or self._database is None:
            return
        # Its states were written after the paragraph that it had read was gone.
        forget_states(self._database, stale)
        if self.unread is not None:
            self.unread(stale)
        self._take_back(gone)
        self._database.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def _take_back(self, texts: Sequence[str] | None) -> None:
        """What was recalled in other talks goes there, too."""
        if self._database is None:
            return
        ids = take_back(self._database, texts)
        if self.unread is not None and self.unread(ids):
            self._gone = None if texts is None or self._gone is None else [*self._gone, *texts]
            self._stale += ids

    def _move(self, old: Database, new: Database) -> None:
        """What was told while the file was elsewhere comes along."""
        if self._membrane is not None and self._database is old and len(self._membrane):
            from .membranes.memory import MemoryMembrane

            MemoryMembrane(new).import_json(self._membrane.export_json())

    def _state(self) -> dict[str, Any]:
        self._look()
        count = 0
        if self._membrane is not None:
            count = len(self._membrane)
        elif self._database is not None and self._database.execute(
            "SELECT 1 FROM sqlite_master WHERE name = 'memories'"
        ):
            found = self._database.execute("SELECT count(*) FROM memories")[0][0]
            count = found if isinstance(found, int) else 0
        return {**self._chosen, "count": count, "states": self._model is not None}

    def _choose(self, **changes: bool) -> dict[str, Any]:
        self._look()
        for name, value in changes.items():
            if name not in _DEFAULTS or not isinstance(value, bool):
                raise ArgumentError(
                    f"{name} is {value!r}; {', '.join(_DEFAULTS)} may be true or false."
                )
        kept = self._store.need()
        chosen = self._chosen | changes
        kept.choose(_CHOICE, chosen)
        self._chosen = chosen
        if self._membrane is not None:
            self._membrane.learns = chosen["on"]
        return self._state()

    def _list(
        self,
        text: str = "",
        type: str = "",
        tag: str = "",
        sort: str = "newest",
        start: int = 0,
        count: int = 50,
    ) -> dict[str, Any]:
        """Some of the memories that have these words, this type and this tag, and how many."""
        if sort not in _SORTS:
            raise ArgumentError(f"sort is {sort!r}; it must be one of {', '.join(_SORTS)}.")
        if not 0 < count <= _MOST_LISTED or start < 0:
            raise ArgumentError(
                f"start is {start} and count {count}; give from 0 on, 1 to {_MOST_LISTED} memories."
            )
        membrane = self._need()
        everything = membrane.at_hand
        wanted = _fold(text).split()
        found = [
            item
            for item in everything
            if (not type or item.memory_type == type)
            and (not tag or tag in item.tags)
            and (not wanted or all(part in self._words(item) for part in wanted))
        ]
        found.sort(key=_SORTS[sort])
        tags = Counter(tag for item in everything for tag in item.tags)
        shown = [item.id for item in found[start : start + count]]
        return {
            "total": len(found),
            "count": len(everything),
            "memories": self._some(shown),
            "tags": sorted(tags.items()),
        }

    def _words(self, item: MemoryItem) -> str:
        """What is searched, folded once for each wording."""
        known = self._folded.get(item.id)
        if known is None or known[0] is not item:
            known = item, _fold(f"{item.content}\n{' '.join(item.tags)}")
            self._folded[item.id] = known
        return known[1]

    def _some(self, ids: list[str]) -> list[dict[str, Any]]:
        """Memories by their ids, with the beginnings of those that belong to them."""
        membrane = self._need()
        items = membrane.some(ids)
        near = {id for item in items for id in item.associations}
        names = {item.id: item.content[:80] for item in membrane.some(sorted(near))}
        return [item.to_json() | {"near": [names.get(id, "") for id in item.associations]}
                for item in items]  # fmt: skip

    def _add(self, text: str) -> dict[str, Any] | None:
        item = self._need().store(text)
        return None if item is None else item.to_json()

    def _edit(self, id: str, changes: dict[str, Any]) -> dict[str, Any]:
        return self._need().edit(id, **changes).to_json()

    def _delete(self, id: str) -> dict[str, Any]:
        """The memory as it was, for the case that it is wanted back."""
        membrane = self._need()
        item = membrane.get(id)
        membrane.delete(id)
        self._folded.pop(id, None)
        return item.to_json()

    def _restore(self, memory: dict[str, Any]) -> None:
        from .membranes.memory.transfer import FORMAT

        membrane = self._need()
        membrane.import_json(json.dumps({"format": FORMAT, "memories": [memory]}))
        membrane.refresh(1)

    def _consolidate(self) -> dict[str, int]:
        membrane = self._need()
        before = len(membrane)
        return {"groups": len(membrane.consolidate()), "merged": before - len(membrane)}

    def _forget(self) -> int:
        self._folded.clear()
        return self._need().clear()


def _fold(text: str) -> str:
    from .membranes.memory.words import fold

    return fold(text)
