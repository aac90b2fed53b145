"""Three formats, each read back; damage is refused in a sentence."""

from __future__ import annotations

import base64
import json
import math
import struct
import zlib
from typing import Any

import pytest
from deep_tree_echo import DTESNConfig, DTESNProcessor
from deep_tree_echo.dtesn.result import DTESNResult
from deep_tree_echo.dtesn.serializers import FORMATS, checksum_of, deserialize, serialize
from deep_tree_echo.errors import ArgumentError
from hypothesis import given
from hypothesis import strategies as st

from tests.event_loop import run

SIDE = {"engine_type": "none", "integration_timestamp": 3.5, "last_sync": 4.5}


def made(text: str = "input", output: Any = None, ms: float = 1.25) -> DTESNResult:
    engine = {"engine_ready": False, "performance_metrics": {"a_ms": 2.0}, "server_side_data": SIDE}
    return DTESNResult(text, {"x": output}, 4, {"state": [0.1] * 40}, {"order": 1}, ms, engine)


def processed() -> DTESNResult:
    config = DTESNConfig(esn_reservoir_size=64, max_membrane_depth=3)
    return run(DTESNProcessor(config).process("some text"))


numbers = st.floats(allow_nan=False, allow_infinity=False)
values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**60), 2**60) | numbers | st.text(),
    lambda inside: (
        st.lists(inside, max_size=4)
        | st.lists(numbers, min_size=14, max_size=18)
        | st.dictionaries(st.text(min_size=3), inside, max_size=4)
    ),
    max_leaves=6,
)


@given(values, st.text(min_size=1))
def test_what_was_written_is_read(output: Any, text: str) -> None:
    result = made(text, output)
    for format in ("json_optimized", "binary"):
        again = deserialize(serialize(result, format))
        assert again == result
        # Equal values of equal types: 1.0 stays 1.0, and -0.0 negative.
        first, second = (json.dumps(one.to_dict(), sort_keys=True) for one in (result, again))
        assert first == second


@given(values)
def test_deterministic_text_has_all_but_the_times(output: Any) -> None:
    text = serialize(made("input", output), "deterministic")
    assert isinstance(text, str)
    values = json.loads(text)
    checksum = values.pop("_checksum")
    assert checksum == checksum_of(values)
    assert len(checksum) == 16
    assert int(checksum, 16) >= 0
    again = deserialize(text).to_dict()
    engine = {
        "engine_ready": False,
        "performance_metrics": {},
        "server_side_data": SIDE | {"integration_timestamp": 0.0, "last_sync": 0.0},
    }
    expected = made("input", output, 0.0).to_dict() | {"engine_integration": engine}
    assert json.dumps(again, sort_keys=True) == json.dumps(expected, sort_keys=True)


def test_times_do_not_change_the_deterministic_text() -> None:
    assert made(ms=1.0).to_deterministic() == made(ms=2.0).to_deterministic()
    assert made("a").to_deterministic() != made("b").to_deterministic()


def test_a_real_result_in_all_formats() -> None:
    result = processed()
    assert deserialize(result.to_json_optimized()) == result
    assert deserialize(result.to_binary()) == result
    assert deserialize(result.to_deterministic()).esn_state == result.esn_state
    plain = json.dumps(result.to_dict())
    assert len(result.to_binary()) < len(result.to_json_optimized()) < len(plain)


def test_json_optimized_packs_long_lists_as_documented() -> None:
    state = json.loads(made().to_json_optimized())["esn_state"]["state"]
    assert struct.unpack("<40d", base64.b64decode(state["f8"])) == (0.1,) * 40
    half = json.loads(made("x", [0.5] * 16).to_json_optimized())["output"]["x"]
    assert struct.unpack("<16f", base64.b64decode(half["f4"])) == (0.5,) * 16


def test_the_head_of_the_binary_format() -> None:
    data = made().to_binary()
    magic, version, length, crc = struct.unpack_from("<8sIII", data)
    assert (magic, version, length) == (b"DTESNRES", 1, len(data) - 20)
    assert crc == zlib.crc32(data[20:])


@given(st.data())
def test_damaged_bytes_are_refused(data: Any) -> None:
    sound = made().to_binary()
    at = data.draw(st.integers(0, len(sound) - 1))
    flipped = bytearray(sound)
    flipped[at] ^= data.draw(st.integers(1, 255))
    for damaged in (bytes(flipped), sound[:at]):
        with pytest.raises(ArgumentError, match=r"^data "):
            deserialize(damaged)


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (b"", "data begins with b''; a result begins with b'DTESNRES'"),
        (b"\x89PNG\r\n\x1a\n" + bytes(40), r"data begins with b'\\x89PNG"),
        (struct.pack("<8sIII", b"DTESNRES", 9, 0, 0), "data has version 9; this package reads 1"),
        ("{", "data is no result, or a damaged one"),
        ("[]", "data is no result, or a damaged one"),
        ("{}", "data is no result, or a damaged one: KeyError"),
        ("[" * 100_000, "data has more than 200 brackets in each other; it is no result"),
        (5, "data is of type int; give text or bytes"),
        ('{"_checksum":"0000000000000000"}', "data has the checksum '0000000000000000'; its"),
    ],
)
def test_bad_data(data: Any, sentence: str) -> None:
    with pytest.raises(ArgumentError, match=sentence):
        deserialize(data)


def test_arrays_beyond_the_end_are_refused() -> None:
    text = json.dumps(made().to_dict() | {"esn_state": {"state": {"f8": [0, 800]}}}).encode()
    body = zlib.compress(struct.pack("<I", len(text)) + text)
    data = struct.pack("<8sIII", b"DTESNRES", 1, len(body), zlib.crc32(body)) + body
    with pytest.raises(ArgumentError, match=r"data has an array at \[0, 800\]; there are 0 bytes"):
        deserialize(data)


def test_unknown_formats_and_values_that_no_json_holds() -> None:
    with pytest.raises(ArgumentError, match="format is 'pickle'; it must be one of json_optimized"):
        made().serialize("pickle")  # type: ignore[call-overload]
    for format in FORMATS:
        with pytest.raises(ValueError, match="JSON compliant"):
            serialize(made("x", math.nan), format)
