"""Token ids as a caller gives them, checked: one rule for every backend."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .errors import ArgumentError


def is_token(token: object, n_vocab: int) -> bool:
    """Whether it is a whole number from 0 to ``n_vocab - 1``; as in Python, ``True`` is 1."""
    return isinstance(token, (int, np.integer)) and 0 <= int(token) < n_vocab


def checked_tokens(
    tokens: Sequence[int] | NDArray[np.integer[Any]], n_vocab: int
) -> NDArray[np.uint32]:
    """Token ids as a contiguous array.

    Parameters
    ----------
    tokens : sequence of int
        At least one.
    n_vocab : int
        What every one of them is below.

    Returns
    -------
    (n_tokens,) uint32

    Raises
    ------
    ArgumentError
        If there is none, or one is out of range or no whole number; the first one is named.

    Examples
    --------
    >>> checked_tokens([1, 2, True], 257)
    array([1, 2, 1], dtype=uint32)
    """
    try:
        array = np.asarray(tokens)
    except (OverflowError, ValueError) as error:
        raise ArgumentError(f"tokens is {tokens!r:.80}; give token ids: {error}.") from error
    if array.ndim != 1 or array.size == 0:
        raise ArgumentError(f"tokens is {tokens!r:.80}; give a list of at least one token.")
    if array.dtype.kind in "iu":
        outside = (array < 0) | (array >= n_vocab)
    else:
        outside = np.array([not is_token(token, n_vocab) for token in tokens])
    if outside.any():
        at = int(outside.argmax())
        raise ArgumentError(
            f"tokens[{at}] is {tokens[at]!r}; it must be a whole number from 0 to {n_vocab - 1}."
        )
    return np.ascontiguousarray(array, dtype=np.uint32)
