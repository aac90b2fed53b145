"""``echo_tokenizer`` and ``echo_sampler``: from text to tokens, and from logits to one."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from ctypes import POINTER, c_char_p, c_float, c_int32, c_size_t, c_uint32, c_uint64, c_void_p
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import ArgumentError
from ..sampling import SamplingSettings
from .library import HANDLE, SIGNATURES, Owner, address, check, library, make


class _Settings(ctypes.Structure):
    """``echo_sampler_settings``."""

    _fields_ = (
        ("temperature", c_float),
        ("top_p", c_float),
        ("min_p", c_float),
        ("typical_p", c_float),
        ("repetition_penalty", c_float),
        ("presence_penalty", c_float),
        ("frequency_penalty", c_float),
        ("top_k", c_int32),
        ("seed", c_uint64),
    )


SIGNATURES |= {
    "echo_tokenizer_bytes": (c_int32, c_uint32, HANDLE),
    "echo_tokenizer_world": (c_int32, c_void_p, c_size_t, HANDLE),
    "echo_tokenizer_free": (None, c_void_p),
    "echo_tokenizer_encode": (
        c_int32,
        c_void_p,
        c_char_p,
        c_size_t,
        c_void_p,
        c_size_t,
        POINTER(c_size_t),
    ),
    "echo_tokenizer_decode": (
        c_int32,
        c_void_p,
        c_void_p,
        c_size_t,
        c_void_p,
        c_size_t,
        POINTER(c_size_t),
    ),
    "echo_sampler_new": (c_int32, POINTER(_Settings), c_uint32, HANDLE),
    "echo_sampler_free": (None, c_void_p),
    "echo_sampler_bias": (c_int32, c_void_p, c_void_p, c_void_p, c_size_t),
    "echo_sampler_accept": (c_int32, c_void_p, c_uint32),
    "echo_sampler_sample": (c_int32, c_void_p, c_void_p, POINTER(c_uint32), POINTER(c_float)),
}


class Tokenizer(Owner):
    """``echo_tokenizer``: bytes to token ids and back."""

    _noun = "tokenizer"

    def __init__(self, handle: int) -> None:
        super().__init__(handle, library().echo_tokenizer_free)

    @classmethod
    def bytes_with_offset(cls, offset: int) -> Tokenizer:
        """One token a byte: id = byte + ``offset``."""
        return cls(make(library().echo_tokenizer_bytes, offset))

    @classmethod
    def world(cls, vocabulary: bytes) -> Tokenizer:
        """The RWKV World tokenizer from the bytes of its vocabulary file."""
        array = np.frombuffer(vocabulary, dtype=np.uint8)
        return cls(make(library().echo_tokenizer_world, address(array), array.size))

    def encode(self, text: bytes) -> list[int]:
        """The token ids of some bytes."""
        tokens = np.empty(len(text), dtype=np.uint32)
        needed = c_size_t()
        with self._lock:
            check(
                library().echo_tokenizer_encode(
                    self._handle,
                    text,
                    len(text),
                    address(tokens),
                    tokens.size,
                    ctypes.byref(needed),
                )
            )
        ids: list[int] = tokens[: needed.value].tolist()
        return ids

    def decode(self, tokens: Sequence[int]) -> bytes:
        """The bytes of some token ids."""
        ids = np.array(tokens, dtype=np.uint32)
        capacity = 16 * max(1, ids.size)
        while True:
            buffer = np.empty(capacity, dtype=np.uint8)
            needed = c_size_t()
            with self._lock:
                check(
                    library().echo_tokenizer_decode(
                        self._handle,
                        address(ids),
                        ids.size,
                        address(buffer),
                        capacity,
                        ctypes.byref(needed),
                    )
                )
            if needed.value <= capacity:
                return buffer[: needed.value].tobytes()
            capacity = needed.value


class Sampler(Owner):
    """``echo_sampler``: chooses tokens and counts them for the penalties.

    Parameters
    ----------
    settings : SamplingSettings
        With a seed that is a number.
    n_vocab : int
        How many logits there are.
    """

    _noun = "sampler"

    def __init__(self, settings: SamplingSettings, n_vocab: int) -> None:
        if settings.seed is None:
            raise ArgumentError("seed is None; a sampler needs a number.")
        for token in settings.bias:
            if token >= n_vocab:
                raise ArgumentError(
                    f"bias names token {token}; the tokens of this model end at {n_vocab - 1}."
                )
        c = library()
        values = _Settings(
            settings.temperature,
            settings.top_p,
            settings.min_p,
            settings.typical_p,
            settings.repetition_penalty,
            settings.presence_penalty,
            settings.frequency_penalty,
            settings.top_k,
            settings.seed,
        )
        super().__init__(
            make(c.echo_sampler_new, ctypes.byref(values), n_vocab), c.echo_sampler_free
        )
        self._n_vocab = n_vocab
        self._sample = c.echo_sampler_sample
        self._token = c_uint32()
        self._probability = c_float()
        self._results = ctypes.byref(self._token), ctypes.byref(self._probability)
        if settings.bias:
            self.bias(settings.bias.keys(), settings.bias.values())

    def bias(self, tokens: Any, values: Any) -> None:
        """Sets the bias of some tokens; -inf forbids one."""
        ids = np.fromiter(tokens, dtype=np.uint32)
        bias = np.fromiter(values, dtype=np.float32)
        with self._lock:
            check(library().echo_sampler_bias(self._handle, address(ids), address(bias), ids.size))

    def accept(self, token: int) -> None:
        """Counts a token for the penalties."""
        with self._lock:
            check(library().echo_sampler_accept(self._handle, token))

    def sample(self, logits: NDArray[np.float32]) -> tuple[int, float]:
        """A token drawn from ``logits`` (n_vocab,), and the model's own probability of it."""
        if (
            logits.size != self._n_vocab
            or logits.dtype != np.float32
            or not logits.flags.c_contiguous
        ):
            raise ArgumentError(
                f"logits has the shape {logits.shape} and the type {logits.dtype}; it must be "
                f"a contiguous array of {self._n_vocab} float32."
            )
        with self._lock:
            status = self._sample(self._handle, address(logits), *self._results)
            if status:
                check(status)
            return self._token.value, self._probability.value
