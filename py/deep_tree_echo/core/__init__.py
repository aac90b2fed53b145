"""The binding of ``libecho``: the calls of ``echo.h`` on NumPy arrays, without copies.

Nothing here decides anything. Arrays must be contiguous, of the type and shape that ``echo.h``
asks for, and stay alive during the call; the modules above see to that. Every object frees its
C counterpart exactly once, serves one thread at a time (a lock sees to it), and answers its use
after ``close`` with an `ArgumentError`.
"""

from .adaptation import Expectation, expect, project
from .grammar import Grammar, Grammars, grammar_bytes
from .library import (
    ABI_VERSION,
    FORMATS,
    READ_TYPES,
    SIGNATURES,
    TYPES,
    Owner,
    address,
    check,
    library,
    simd_targets,
)
from .psystem import PSystem
from .readout import Rls, gram_add, gram_solve, lms_update
from .reservoir import Reservoir
from .rwkv import Estimate, Info, Loader, LoadOptions, Rwkv
from .text import Sampler, Tokenizer

__all__ = [
    "ABI_VERSION",
    "FORMATS",
    "READ_TYPES",
    "SIGNATURES",
    "TYPES",
    "Estimate",
    "Expectation",
    "Grammar",
    "Grammars",
    "Info",
    "LoadOptions",
    "Loader",
    "Owner",
    "PSystem",
    "Reservoir",
    "Rls",
    "Rwkv",
    "Sampler",
    "Tokenizer",
    "address",
    "check",
    "expect",
    "gram_add",
    "gram_solve",
    "grammar_bytes",
    "library",
    "lms_update",
    "project",
    "simd_targets",
]
