"""The charges and labels of membranes."""

from __future__ import annotations

import re
from typing import Literal

from ..errors import ArgumentError

__all__ = ["CHARGES", "Charge", "check_charge", "check_label"]

Charge = Literal["+", "0", "-"]
CHARGES: tuple[Charge, ...] = ("-", "0", "+")
_RESERVED = ("environment", "supply")
_LABEL = re.compile(r"\w+")


def check_label(label: str) -> None:
    """Raises `ArgumentError` unless ``label`` can name a membrane."""
    if not isinstance(label, str) or not _LABEL.fullmatch(label) or label in _RESERVED:
        raise ArgumentError(
            f"{label!r} is no label; it must be letters and digits, and neither environment "
            "nor supply."
        )


def check_charge(charge: str) -> None:
    """Raises `ArgumentError` unless ``charge`` is one of three."""
    if charge not in CHARGES:
        raise ArgumentError(f"the charge is {charge!r}; it must be '+', '0' or '-'.")
