"""Calls every function of echo.h with NULL for each of its pointers.

Run as a program by test_calls.py, so that a crash ends this process and not the tests.
"""

from __future__ import annotations

import ctypes

from deep_tree_echo import core

ARGUMENT_ERROR = 1
# NULL means something there: no restriction, or nothing to free.
ALLOWED = {"echo_simd_force"}


def zero(kind: type) -> object:
    plain = (ctypes.c_size_t, ctypes.c_int32, ctypes.c_uint32, ctypes.c_uint64)
    return 1 if kind in plain else None


def check_all() -> None:
    library = core.library()
    for name, (result, *kinds) in core._SIGNATURES.items():
        print(name, flush=True)
        answer = getattr(library, name)(*map(zero, kinds))
        if result is ctypes.c_int32 and kinds and name not in ALLOWED:
            assert answer == ARGUMENT_ERROR, f"{name} answers NULL with {answer}"
            sentence = library.echo_last_error().decode()
            assert sentence.endswith("."), f"{name} explains NULL by {sentence!r}"


if __name__ == "__main__":
    check_all()
