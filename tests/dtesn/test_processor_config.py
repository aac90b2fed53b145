"""Every setting is checked, wherever it comes from."""

from __future__ import annotations

import math
from dataclasses import fields
from typing import Any

import pytest
from deep_tree_echo import DTESNConfig
from deep_tree_echo.errors import ArgumentError


def test_the_defaults_are_those_of_the_documents() -> None:
    config = DTESNConfig()
    assert (config.max_membrane_depth, config.esn_reservoir_size) == (8, 1024)
    assert (config.bseries_max_order, config.cache_ttl_seconds) == (16, 300)
    assert (config.spectral_radius, config.density, config.leak_rate) == (0.95, 0.1, 0.3)
    assert config.seed == 42


def test_the_environment_is_read() -> None:
    environ = {
        "DTESN_MAX_MEMBRANE_DEPTH": " 3 ",
        "DTESN_ESN_RESERVOIR_SIZE": "64",
        "DTESN_ENABLE_CACHING": "False",
        "DTESN_LEAK_RATE": "0.5",
        "DTESN_MAX_MODEL_LEN": "",
        "DTESN_ENABLE_DOCS": "maybe",
        "DTESN_ALLOWED_ORIGINS": "*",
        "HOME": "/",
    }
    assert DTESNConfig.from_env(environ) == DTESNConfig(
        max_membrane_depth=3, esn_reservoir_size=64, enable_caching=False, leak_rate=0.5
    )


def test_every_field_has_a_variable() -> None:
    default = DTESNConfig()
    for field in fields(DTESNConfig):
        text = str(getattr(default, field.name) or 1)
        assert DTESNConfig.from_env({f"DTESN_{field.name.upper()}": text})


@pytest.mark.parametrize(
    ("variable", "text", "sentence"),
    [
        (
            "DTESN_DEPTH",
            "3",
            "DTESN_DEPTH is no setting; known are DTESN_BSERIES_MAX_ORDER, DTESN_",
        ),
        ("DTESN_SEED", "x", "DTESN_SEED is 'x'; it must be an integer"),
        ("DTESN_DENSITY", "", "DTESN_DENSITY is ''; it must be a number"),
        ("DTESN_ENABLE_CACHING", "yes", "DTESN_ENABLE_CACHING is 'yes'; it must be true or false"),
        (
            "DTESN_MAX_MEMBRANE_DEPTH",
            "17",
            "max_membrane_depth is 17; it must be an integer from 1",
        ),
    ],
)
def test_bad_variables(variable: str, text: str, sentence: str) -> None:
    with pytest.raises(ArgumentError, match=sentence):
        DTESNConfig.from_env({variable: text})


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"max_membrane_depth": 0}, "max_membrane_depth is 0; it must be an integer from 1 to 16"),
        ({"esn_reservoir_size": 31}, "esn_reservoir_size is 31; it must be an integer from 32 to"),
        ({"bseries_max_order": 17}, "bseries_max_order is 17; it must be an integer from 1 to 16"),
        ({"bseries_max_order": True}, "bseries_max_order is True"),
        ({"bseries_max_order": None}, "bseries_max_order is None"),
        ({"seed": -1}, "seed is -1"),
        ({"seed": 2**64}, "seed is 18446744073709551616"),
        ({"leak_rate": 0}, "leak_rate is 0; it must be a number above 0 to 1"),
        ({"leak_rate": 1.5}, r"leak_rate is 1\.5"),
        ({"density": math.nan}, "density is nan"),
        ({"spectral_radius": math.inf}, "spectral_radius is inf"),
        ({"cache_ttl_seconds": -1}, "cache_ttl_seconds is -1; it must be a number from 0 to 1e"),
        ({"cache_ttl_seconds": "300"}, "cache_ttl_seconds is '300'"),
        ({"enable_caching": 1}, "enable_caching is 1; it must be True or False"),
        ({"max_model_len": 0}, "max_model_len is 0"),
    ],
)
def test_bad_values(values: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ArgumentError, match=sentence):
        DTESNConfig(**values)


def test_it_cannot_be_changed() -> None:
    with pytest.raises(AttributeError):
        DTESNConfig().seed = 1  # type: ignore[misc]
