"""What is asked of a processor, checked."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from ..errors import ArgumentError, LimitError
from .answers import Key
from .engine_context import EngineView, optimal_esn_size, optimal_membrane_depth
from .inputs import Bytes, Feed, HiddenStates, InputData, as_bytes, text_of
from .processor_config import DTESNConfig, checked_depth, checked_size
from .turns import Priority, checked_priority

__all__ = ["Request", "checked_request"]

_LONGEST_TOKEN: Final = 128
"""No tokenizer of ours has longer tokens, in bytes; so longer inputs are refused unread."""


@dataclass(frozen=True, slots=True)
class Request:
    """One request.

    Attributes
    ----------
    text : str
        The input as text.
    key : tuple
        Of requests with the same answer.
    tokens : sequence of int
        What the engine reads; bytes without one.
    depth, size : int
        Levels and units.
    priority : str
        Who comes first.
    began : float
        When it was made, by the monotonic clock.
    timeout : float or None
        How many seconds it may take.
    view : EngineView
        The engine at that time.
    """

    text: str
    key: Key
    tokens: Sequence[int]
    depth: int
    size: int
    priority: Priority
    began: float
    timeout: float | None
    view: EngineView

    @property
    def seconds(self) -> float:
        """How long it has taken so far."""
        return time.monotonic() - self.began

    def check_time(self) -> None:
        """Raises a `LimitError` if it has taken too long."""
        if self.timeout is not None and self.seconds > self.timeout:
            raise LimitError(
                f"The request has taken longer than its timeout of {self.timeout:g} s; allow more, "
                "or give a shorter input."
            )

    def feed(self, config: DTESNConfig) -> Feed:
        """The input for the reservoirs."""
        if self.view.model is None:
            return Bytes(bytes(self.tokens), config.n_inputs, config.seed)
        return HiddenStates(self.view.model, self.tokens, config.n_inputs, config.seed)


def checked_request(
    config: DTESNConfig,
    view: EngineView,
    input_data: InputData,
    depth: int | None,
    size: int | None,
    priority: Priority,
    timeout: float | None,
) -> Request:
    """A request, if a processor can take it.

    Raises
    ------
    ArgumentError
        If it cannot.
    """
    began = time.monotonic()
    text, data = text_of(input_data), as_bytes(input_data)
    most = config.max_input_tokens
    tokens: Sequence[int] = data
    if view.model is not None and len(data) <= most * _LONGEST_TOKEN:
        tokens = view.model.encode(data)
    if len(tokens) > most:
        raise ArgumentError(
            f"input_data has more than {most} tokens; give a shorter text, or raise "
            "max_input_tokens."
        )
    if timeout is not None and not (isinstance(timeout, (int, float)) and timeout > 0):
        raise ArgumentError(f"timeout is {timeout!r}; it must be a number of seconds above 0.")
    depth = optimal_membrane_depth(config, view) if depth is None else checked_depth(depth)
    size = optimal_esn_size(config, view) if size is None else checked_size(size)
    key = hashlib.sha256(data).digest(), depth, size
    return Request(text, key, tokens, depth, size, checked_priority(priority), began, timeout, view)
