"""Multisets of objects: what a region of a membrane system holds."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from types import MappingProxyType

from ..errors import ArgumentError

__all__ = ["EMPTY", "MAX_COUNT", "Multiset", "MultisetLike", "check_object"]

MAX_COUNT = 2**62
"""The most copies of one object, and of all objects of a system together."""

_OBJECT = re.compile(r"[^\W\d][\w.]*(?:\{-?\d+(?:,-?\d+)*\})?")
_TERM = re.compile(rf"\s*({_OBJECT.pattern})\s*(?:\*\s*(-?\d+))?\s*(?:,|$)")


class Multiset(Mapping[str, int]):
    """Objects with multiplicities; immutable.

    Parameters
    ----------
    counts : mapping of str to int, str or iterable of str
        Multiplicities by object; or a text such as ``"a*2, b, x{1,2}"``, with ``"#"`` or ``""``
        for the empty multiset; or objects one by one.

    Raises
    ------
    ArgumentError
        For a name that is no object and for a multiplicity below 0 or above ``MAX_COUNT``.

    Examples
    --------
    >>> m = Multiset("a*2, b")
    >>> m["a"], m["c"], m.size
    (2, 0, 3)
    >>> str(m + Multiset("b")), str(m - Multiset("a")), Multiset("a") <= m
    ('a*2, b*2', 'a, b', True)
    """

    __slots__ = ("_counts", "_hash")

    def __init__(self, counts: Mapping[str, int] | str | Iterable[str] = ()) -> None:
        if isinstance(counts, str):
            pairs: Iterable[tuple[str, int]] = _parse(counts)
        elif isinstance(counts, Mapping):
            pairs = counts.items()
        else:
            pairs = ((name, 1) for name in counts)
        total: dict[str, int] = {}
        for name, count in pairs:
            check_object(name)
            if isinstance(count, bool) or not isinstance(count, int):
                raise ArgumentError(
                    f"the multiplicity of {name!r} is {count!r}; it must be an integer."
                )
            if count < 0:
                raise ArgumentError(
                    f"the multiplicity of {name!r} is {count}; it must be at least 0."
                )
            total[name] = total.get(name, 0) + count
        for name, count in total.items():
            if count > MAX_COUNT:
                raise ArgumentError(
                    f"the multiplicity of {name!r} is {count}; it must be at most {MAX_COUNT}."
                )
        self._counts = {name: total[name] for name in sorted(total, key=_order) if total[name]}
        self._hash: int | None = None

    @classmethod
    def of(cls, value: MultisetLike) -> Multiset:
        """``value`` itself if it is a multiset, else one made from it."""
        return value if isinstance(value, Multiset) else cls(value)

    @classmethod
    def trusted(cls, counts: dict[str, int]) -> Multiset:
        """A multiset of counts that are known to be sound; zeros are dropped."""
        made = cls.__new__(cls)
        made._counts = {name: counts[name] for name in sorted(counts, key=_order) if counts[name]}
        made._hash = None
        return made

    @property
    def size(self) -> int:
        """How many objects there are, copies counted."""
        return sum(self._counts.values())

    @property
    def counts(self) -> Mapping[str, int]:
        """Multiplicities by object, those that are not 0."""
        return MappingProxyType(self._counts)

    def __getitem__(self, name: str) -> int:
        return self._counts.get(name, 0)

    def __contains__(self, name: object) -> bool:
        return name in self._counts

    def __iter__(self) -> Iterator[str]:
        return iter(self._counts)

    def __len__(self) -> int:
        return len(self._counts)

    def __hash__(self) -> int:
        if self._hash is None:
            self._hash = hash(frozenset(self._counts.items()))
        return self._hash

    def __eq__(self, other: object) -> bool:
        if isinstance(other, Multiset):
            return self._counts == other._counts
        return NotImplemented

    def __le__(self, other: Multiset) -> bool:
        return all(count <= other[name] for name, count in self._counts.items())

    def __add__(self, other: Multiset) -> Multiset:
        counts = dict(self._counts)
        for name, count in other._counts.items():
            counts[name] = counts.get(name, 0) + count
        return Multiset(counts)

    def __sub__(self, other: Multiset) -> Multiset:
        counts = dict(self._counts)
        for name, count in other._counts.items():
            counts[name] = counts.get(name, 0) - count
        return Multiset(counts)

    def __mul__(self, times: int) -> Multiset:
        return Multiset({name: count * times for name, count in self._counts.items()})

    def __str__(self) -> str:
        terms = (name if n == 1 else f"{name}*{n}" for name, n in self._counts.items())
        return ", ".join(terms) or "#"

    def __repr__(self) -> str:
        return f"Multiset({str(self)!r})"


MultisetLike = Multiset | Mapping[str, int] | str | Iterable[str]


def check_object(name: str) -> None:
    """Raises `ArgumentError` unless ``name`` can name an object.

    Examples
    --------
    >>> check_object("x{1,2}")
    >>> check_object("2x")
    Traceback (most recent call last):
    ...
    deep_tree_echo.errors.ArgumentError: '2x' is no object; it must be a name such as a or x{1,2}.
    """
    if not isinstance(name, str) or not _OBJECT.fullmatch(name):
        raise ArgumentError(f"{name!r} is no object; it must be a name such as a or x{{1,2}}.")


def _parse(text: str) -> Iterator[tuple[str, int]]:
    if text.strip() in ("", "#"):
        return
    at = 0
    while at < len(text):
        term = _TERM.match(text, at)
        if term is None:
            raise ArgumentError(
                f"the multiset {text!r} cannot be read from {text[at:].strip()!r} on; "
                "it must be like a*2, b."
            )
        yield term[1], int(term[2] or 1)
        at = term.end()
    if text.rstrip().endswith(","):
        raise ArgumentError(f"the multiset {text!r} ends with a comma; name an object after it.")


def _order(name: str) -> tuple[str, tuple[int, ...]]:
    """Names by letter, indices by number: x{2} before x{10}."""
    stem, _, rest = name.partition("{")
    return stem, tuple(int(index) for index in rest[:-1].split(",")) if rest else ()


EMPTY = Multiset()
"""The multiset without objects."""
