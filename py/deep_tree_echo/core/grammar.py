"""``echo_grammar``: which tokens can follow a text."""

from __future__ import annotations

import contextlib
import ctypes
import threading
import weakref
from collections import OrderedDict, deque
from ctypes import POINTER, c_char_p, c_double, c_int32, c_size_t, c_uint32, c_void_p
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from ..errors import ArgumentError, LimitError
from .library import HANDLE, SIGNATURES, Owner, address, check, library, make
from .text import Tokenizer

_ERROR_BUDGET = 4
_MOST_KEPT = 2  # grammars of a vocabulary, each of some megabytes at most

_in_use: weakref.WeakSet[Grammar] = weakref.WeakSet()
_in_use_lock = threading.Lock()

SIGNATURES |= {
    "echo_grammar_new": (c_int32, c_void_p, c_size_t, c_void_p, HANDLE),
    "echo_grammar_clone": (c_int32, c_void_p, HANDLE),
    "echo_grammar_free": (None, c_void_p),
    "echo_grammar_mask": (
        c_int32,
        c_void_p,
        c_void_p,
        c_size_t,
        c_void_p,
        POINTER(c_uint32),
        POINTER(c_double),
    ),
    "echo_grammar_accept": (c_int32, c_void_p, c_uint32),
    "echo_grammar_feed": (c_int32, c_void_p, c_char_p, c_size_t),
    "echo_grammar_ending": (c_int32, c_void_p, POINTER(c_int32)),
    "echo_grammar_bytes": (c_size_t, c_void_p),
}


class _Family:
    """A grammar and its clones, which share what they find out: one lock for all of them.

    Any thread may let go of a clone, in the middle of anything. It is freed by whoever has the
    lock, and nobody waits for it.
    """

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._dead: deque[int] = deque()

    def __enter__(self) -> None:
        self._lock.acquire()

    def __exit__(self, *error: object) -> None:
        self._free_dead()
        self._lock.release()

    def free(self, handle: int) -> None:
        """Frees a clone, now or when the lock is given back."""
        self._dead.append(handle)
        if self._lock.acquire(blocking=False):
            try:
                self._free_dead()
            finally:
                self._lock.release()

    def _free_dead(self) -> None:
        while self._dead:
            library().echo_grammar_free(self._dead.popleft())


class Grammar(Owner):
    """``echo_grammar``: where a text stands in a grammar, for one vocabulary.

    Parameters
    ----------
    program : ndarray of uint32
        The words of its rules, as ``echo.h`` describes them.
    tokenizer : Tokenizer
        The vocabulary. It may be closed before the grammar.
    """

    _noun = "grammar"

    def __init__(self, program: NDArray[np.uint32], tokenizer: Tokenizer) -> None:
        words = np.ascontiguousarray(program, dtype=np.uint32)
        c = library()
        handle = c_void_p()
        with tokenizer._lock:
            _check(
                c.echo_grammar_new(
                    address(words), words.size, tokenizer._handle, ctypes.byref(handle)
                )
            )
        assert handle.value is not None
        self._own(handle.value, _Family())

    def _own(self, handle: int, family: _Family) -> None:
        super().__init__(handle, family.free)
        self._lock = self._family = family
        self._allowed = c_uint32()
        self._kept = c_double()
        self._results = ctypes.byref(self._allowed), ctypes.byref(self._kept)
        with _in_use_lock:
            _in_use.add(self)

    def clone(self) -> Grammar:
        """Another text at the same place."""
        other = Grammar.__new__(Grammar)
        with self._lock:
            handle = make(library().echo_grammar_clone, self._handle)
        other._own(handle, self._family)
        return other

    def mask(self, logits: NDArray[np.float32]) -> tuple[NDArray[np.float32], int, float]:
        """Forbids what cannot follow.

        Parameters
        ----------
        logits : ndarray of float32, shape (n_vocab,)
            Not changed.

        Returns
        -------
        ndarray of float32, shape (n_vocab,)
            ``-inf`` for each token that cannot follow, the rest as they were.
        int
            How many can.
        float
            Their share of softmax(logits).
        """
        if logits.ndim != 1 or logits.dtype != np.float32 or not logits.flags.c_contiguous:
            raise ArgumentError(
                f"logits has the shape {logits.shape} and the type {logits.dtype}; it must be a "
                "contiguous row of float32."
            )
        masked = np.empty_like(logits)
        with self._lock:
            _check(
                library().echo_grammar_mask(
                    self._handle, address(logits), logits.size, address(masked), *self._results
                )
            )
            return masked, self._allowed.value, self._kept.value

    def accept(self, token: int) -> None:
        """Reads a token."""
        with self._lock:
            _check(library().echo_grammar_accept(self._handle, token))

    def feed(self, text: bytes) -> None:
        """Reads bytes."""
        with self._lock:
            _check(library().echo_grammar_feed(self._handle, text, len(text)))

    @property
    def ending(self) -> int:
        """Whether the text cannot (0), may (1) or must (2) end here."""
        found = c_int32()
        with self._lock:
            check(library().echo_grammar_ending(self._handle, ctypes.byref(found)))
        return found.value

    @property
    def nbytes(self) -> int:
        """Memory of this grammar and its clones together, in bytes."""
        with self._lock:
            n_bytes: int = library().echo_grammar_bytes(self._handle)
        return n_bytes


class Words(Protocol):
    """A program that has been compiled."""

    @property
    def words(self) -> NDArray[np.uint32]:
        """The words of its rules."""


class Grammars:
    """The grammars used last with one vocabulary: the next text by one finds its masks made.

    Parameters
    ----------
    tokenizer : Tokenizer
        The vocabulary.
    """

    def __init__(self, tokenizer: Tokenizer) -> None:
        self._tokenizer = tokenizer
        self._kept: OrderedDict[int, tuple[weakref.ref[Words], Grammar]] = OrderedDict()

    def start(self, program: Words) -> Grammar:
        """A grammar before the first byte of a text."""
        key = id(program)
        of, first = self._kept.pop(key, (None, None))
        if of is None or first is None or of() is not program:
            first = Grammar(program.words, self._tokenizer)
        self._kept[key] = weakref.ref(program), first
        while len(self._kept) > _MOST_KEPT:
            self._kept.popitem(last=False)
        return first.clone()


def grammar_bytes() -> int:
    """Memory of all grammars in use, in bytes.

    Examples
    --------
    >>> grammar = Grammar(np.array([1, 1, 0, 0, 0, 1, 0, 0]), Tokenizer.bytes_with_offset(1))
    >>> grammar_bytes() >= grammar.nbytes > 0
    True
    """
    with _in_use_lock:
        families = {id(grammar._family): grammar for grammar in _in_use if not grammar.closed}
    found = 0
    for grammar in families.values():
        with contextlib.suppress(ArgumentError):  # closed since
            found += grammar.nbytes
    return found


def _check(status: int) -> None:
    """As `check`; what a grammar may take is a limit of its own, not the memory budget."""
    if status == _ERROR_BUDGET:
        raise LimitError(library().echo_last_error().decode("utf-8", "replace"))
    if status:
        check(status)
