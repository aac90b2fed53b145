"""Sampling settings refuse what is out of range or of the wrong type, by name."""

from __future__ import annotations

import math
from typing import Any

import pytest
from deep_tree_echo import SamplingSettings
from deep_tree_echo.errors import ArgumentError


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("temperature", -0.1),
        ("temperature", math.nan),
        ("temperature", "hot"),
        ("top_p", 0.0),
        ("top_p", 1.1),
        ("top_p", None),
        ("top_k", -1),
        ("top_k", 40.0),
        ("min_p", 1.0),
        ("typical_p", 0.0),
        ("repetition_penalty", 0.0),
        ("presence_penalty", math.inf),
        ("frequency_penalty", math.nan),
        ("seed", -1),
        ("seed", 2**64),
        ("seed", 1.5),
    ],
)
def test_a_value_out_of_range_is_named(name: str, value: Any) -> None:
    with pytest.raises(ArgumentError, match=name) as error:
        SamplingSettings(**{name: value})
    assert repr(value) in str(error.value)


def test_a_bias_must_be_a_number_or_minus_infinity() -> None:
    SamplingSettings(bias={3: -math.inf, 4: 1.5})
    with pytest.raises(ArgumentError, match=r"bias\[3\]"):
        SamplingSettings(bias={3: math.nan})
