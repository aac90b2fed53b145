"""Hostile checkpoints: nothing in them runs, fills the memory or writes a file."""

from __future__ import annotations

import io
import pickle
import tracemalloc
import zipfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from deep_tree_echo.convert import convert_file
from deep_tree_echo.errors import ModelFormatError, UnsupportedModelError
from deep_tree_echo.formats.pickles import read_pickle
from deep_tree_echo.formats.stored import StoredTensor
from deep_tree_echo.formats.torch_file import read_checkpoint
from hypothesis import given
from hypothesis import strategies as st

from tests.checkpoint_files import archive, checkpoint_bytes, pickled, tensor, text

WEIGHTS = {
    "emb.weight": np.arange(24, dtype=np.float32).reshape(4, 6),
    "ln_out.bias": np.ones(6, np.float32),
}
SOUND = checkpoint_bytes(WEIGHTS)
REFUSED = (ModelFormatError, UnsupportedModelError)


def read(data: bytes) -> list[StoredTensor]:
    tensors = read_checkpoint(io.BytesIO(data))
    for each in tensors:
        for _ in each.slices():
            pass
    return tensors


class Calls:
    """Pickles as a call."""

    def __init__(self, called: Callable[..., object], *arguments: object) -> None:
        self._reduced = called, arguments

    def __reduce__(self) -> Any:
        return self._reduced


# ------------------------------------------------------------------- pickles


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
@pytest.mark.parametrize(
    ("called", "name"),
    [
        (eval, r"(__builtin__|builtins)\.eval"),
        (exec, r"(__builtin__|builtins)\.exec"),
        (getattr, r"(__builtin__|builtins)\.getattr"),
        (__import__, r"(__builtin__|builtins)\.__import__"),
        (open, r"(io|_io)\.open"),
        (Path, r"pathlib\.\w*Path"),
        (bytearray, r"(__builtin__|builtins)\.bytearray"),
    ],
)
def test_calls_are_refused_by_name(
    tmp_path: Path, called: Callable[..., object], name: str, protocol: int
) -> None:
    data = pickle.dumps({"emb.weight": Calls(called, str(tmp_path / "made"))}, protocol)
    with pytest.raises(ModelFormatError, match=f"asks for {name}, which no model needs"):
        read_pickle(data)
    with pytest.raises(ModelFormatError, match="nothing of it has been run"):
        read(archive({"model/data.pkl": data}))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"\x80\x02cos\nsystem\nX\x02\x00\x00\x00ls\x85R.", "asks for os.system"),
        (b"\x80\x02cposix\nsystem\n(X\x02\x00\x00\x00lstR.", "asks for posix.system"),
        (b"(S'ls'\nios\nsystem\n.", "instruction STRING at byte 1"),
        (b"\x80\x02(ios\nsystem\n.", "instruction INST at byte 3"),
        (b"\x80\x02(cos\nsystem\no.", "asks for os.system"),
        (b"\x80\x02((o.", "instruction OBJ at byte 4"),
        (b"\x80\x02)\x81.", "instruction NEWOBJ at byte 3"),
        (b"\x80\x04)\x92.", "instruction NEWOBJ_EX"),
        (b"\x80\x02\x82\x01.", "instruction EXT1"),
        (b"\x80\x02\x84\xff\xff\xff\x7f.", "instruction EXT4"),
        (b"Pos.system\n.", "instruction PERSID"),
        # Names put together on the stack.
        (b"\x80\x04\x8c\x02os\x8c\x06system\x93.", "asks for os.system"),
        (b"\x80\x04\x8c\x05torch\x8c\x0a_utils.os.\x93.", r"asks for torch._utils.os\."),
        (b"\x80\x04\x8c\x0btorch._utils\x93.", "needs|takes|no text|UTF-8|ends|byte"),
        (b"\x80\x04K\x01K\x02\x93.", "whose name is no text"),
        (b"\x80\x04)\x8c\x06system\x93.", "whose name is no text"),
        (b"\x80\x04\x8c\x02o\x00\x8c\x03a\nb\x93.", r"asks for o\\x00.a\\nb"),
        (b"\x80\x02c" + b"a" * 5000 + b"\nb\n.", r"asks for a{80}\.\.\.,"),
        (b"\x80\x02ctorch\nFloatStorage\x00\n.", r"asks for torch.FloatStorage\\x00"),
        # Calls of what is allowed, with something else.
        (b"\x80\x02ccollections\nOrderedDict\nK\x01\x85R.", "with something else than it takes"),
        (b"\x80\x02ctorch._utils\n_rebuild_tensor_v2\n)R.", "with something else than it takes"),
        (b"\x80\x02ctorch._utils\n_rebuild_parameter\nK\x01\x85R.", "with something else"),
        (b"\x80\x02ctorch\nFloatStorage\n)R.", "with something else than it takes"),
        (b"\x80\x02K\x01)R.", "calls something that is no function"),
        (b"\x80\x02X\x01\x00\x00\x00a}b.", "needs a dict"),
        (b"\x80\x02ctorch\nFloatStorage\n}b.", "needs a dict"),
        (b"\x80\x02ctorch\nFloatStorage\n.", "does not end with one value"),
        # Storages that are none.
        (b"\x80\x02K\x01Q.", "no storage"),
        (b"\x80\x02(X\x07\x00\x00\x00storageK\x01K\x01K\x01K\x01tQ.", "no storage"),
        (
            b"\x80\x02("
            + text("storage")
            + b"ccollections\nOrderedDict\n"
            + text("0") * 2
            + b"K\x01tQ.",
            "no storage",
        ),
        (
            b"\x80\x02("
            + text("storage")
            + b"ctorch\nFloatStorage\n"
            + text("0") * 2
            + b"J\xff\xff\xff\xfftQ.",
            "no storage",
        ),
        # The stack and the memo.
        (b"\x80\x02.", "takes more values than there are"),
        (b"\x80\x02t.", "ends a list that has not begun"),
        (b"\x80\x02(.", "takes more values than there are"),
        (b"\x80\x02(\x85.", "takes more values than there are"),
        (b"\x80\x02K\x01K\x02.", "does not end with one value"),
        (b"\x80\x02}K\x01s.", "takes more values|needs a dict"),
        (b"\x80\x02}(K\x01u.", "a key without a value"),
        (b"\x80\x02}]K\x01s.", "neither a text nor a number"),
        (b"\x80\x02})K\x01s.", "neither a text nor a number"),
        (b"\x80\x02K\x01(K\x02e.", "needs a list"),
        (b"\x80\x02h\x05.", "recalls the value 5"),
        (b"\x80\x02j\xff\xff\xff\xff.", "recalls the value 4294967295"),
        (b"\x80\x02q\x00.", "remembers a value that is not there"),
        # Sizes that are not there.
        (b"\x80\x02X\xff\xff\xff\xff.", "ends too early"),
        (b"\x80\x04\x95\xff\xff\xff\xff\xff\xff\xff\xff.", "takes more values"),
        (b"\x80\x04\x8e\xff\xff\xff\xff\xff\xff\xff\x7f.", "instruction BINBYTES8"),
        (b"\x80\x04\x8d\xff\xff\xff\xff\xff\xff\xff\x7f.", "instruction BINUNICODE8"),
        (b"\x80\x02\x8b\xff\xff\xff\x7f.", "instruction LONG4"),
        (b"\x80\x02\x8a\xff" + bytes(255) + b".", "a number of 255 bytes"),
        (b"I" + b"9" * 9999 + b"\n.", "instruction INT"),
        (b"\x80\x09.", "unknown protocol 9"),
        (b"\x80\x02\xff.", "byte 0xff where an instruction belongs"),
        (b"\x80\x02X\x01\x00\x00\x00\xff.", "not UTF-8"),
        (b"\x80\x02cos", "ends too early"),
        (b"", "ends too early"),
    ],
)
def test_hostile_pickles(data: bytes, message: str) -> None:
    with pytest.raises(ModelFormatError, match=message):
        read_pickle(data)


def peak_bytes(action: Callable[[], object]) -> int:
    """The most memory that Python takes for something that may be refused."""
    tracemalloc.start()
    try:
        with suppress(*REFUSED):
            action()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    "data",
    [
        b"\x80\x02K\x01r\xff\xff\xff\xff.",  # a memo of four thousand million places
        b"\x80\x02X\xff\xff\xff\xff.",
        b"\x80\x02}q\x00" + b"".join(b"](h\x00h\x00eq" + bytes([i]) for i in range(1, 250)) + b".",
        b"\x80\x02]q\x00(h\x00h\x00h\x00e.",  # a list within itself
        b"\x80\x02" + b")" + b"\x85" * 100_000 + b".",  # nested deeply
        b"\x80\x02" + b"(" * 100_000 + b".",
        b"\x80\x04K\x01" + b"\x94" * 100_000 + b".",
    ],
    ids=["memo", "size", "laughs", "itself", "deep", "marks", "memoize"],
)
def test_bombs_take_little(data: bytes) -> None:
    assert peak_bytes(lambda: read_pickle(data)) < 30_000_000


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b")" + b"\x85" * 60, "more than 50 deep"),
        # From the outside in: each container is put into one that is remembered.
        (b"]q\x00(]q\x01eh\x01(]eh\x00.", "changes a value that is part of another"),
        (b"}q\x00X\x01\x00\x00\x00ah\x00s.", "changes a value that is part of another"),
        (b"]q\x00h\x00a.", "changes a value that is part of another"),
    ],
)
def test_values_nest_little(data: bytes, message: str) -> None:
    """Letting go of deep values is a recursion, which ends Python where the stack is small."""
    with pytest.raises(ModelFormatError, match=message):
        read_pickle(b"\x80\x02" + data + b".")


def test_what_python_itself_would_have_run(tmp_path: Path) -> None:
    """The files of these tests do bite: Python's own reader runs them."""
    data = pickle.dumps(Calls(open, str(tmp_path / "made"), "w"))
    with suppress(Exception):
        pickle.loads(data).close()
    assert (tmp_path / "made").exists()


# --------------------------------------------------------------------- tensors


def one(entry: bytes, storage: bytes = bytes(96), name: str = "emb.weight") -> bytes:
    return archive({"m/data.pkl": pickled({name: entry}), "m/data/0": storage})


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (one(tensor("0", "float32", (4, 6)), bytes(95)), "needs 96 bytes"),
        (one(tensor("0", "float32", (4, 7), n_elements=24)), "needs 112 bytes"),
        (one(tensor("0", "float32", (4, 6), strides=(6, 2), n_elements=24)), "needs"),
        (one(tensor("0", "float32", (0, 6))), "one to four"),
        (one(tensor("0", "float32", ())), "one to four"),
        (one(tensor("0", "float32", (1,) * 5, n_elements=24)), "one to four"),
        (one(tensor("0", "float32", (-4, 6), n_elements=24)), "without a proper shape"),
        (one(tensor("0", "float32", (4, 6), strides=(-6, 1))), "without a proper shape"),
        (one(tensor("0", "float32", (4, 6), strides=(6,))), "without a proper shape"),
        (one(tensor("1", "float32", (4, 6))), "m/data/1 is missing"),
        (one(tensor("../../0", "float32", (4, 6))), r"m/data/\.\./\.\./0 is missing"),
        (
            one(tensor("0", "float32", (1 << 20, 1 << 20), strides=(0, 0), n_elements=24)),
            "repeats 1 numbers",
        ),
        (one(b"K\x01"), "no tensor but a int"),
        (one(b"N", name="a\nb"), r"'a\\nb', which is no tensor"),
    ],
)
def test_tensors_that_are_none(data: bytes, message: str) -> None:
    with pytest.raises(REFUSED, match=message):
        read(data)
    assert peak_bytes(lambda: read(data)) < 30_000_000


def test_types_that_are_no_weights() -> None:
    entry = tensor("0", "float32", (4, 6)).replace(b"FloatStorage", b"LongStorage")
    with pytest.raises(UnsupportedModelError, match="type int64"):
        read(one(entry, bytes(192)))


def test_a_transposed_tensor() -> None:
    values = np.arange(24, dtype=np.float32)
    entry = tensor("0", "float32", (6, 4), strides=(1, 6), n_elements=24)
    (found,) = read(one(entry, values.tobytes()))
    assert np.array_equal(found.values(), values.reshape(4, 6).T)
    assert np.array_equal(found.floats(2, 3), values.reshape(4, 6).T[2:3])


# -------------------------------------------------------------------- archives


def test_a_sound_archive() -> None:
    for found, expected in zip(read(SOUND), WEIGHTS.values(), strict=True):
        assert np.array_equal(found.values(), expected)


def patched(at: int, data: bytes) -> bytes:
    return SOUND[:at] + data + SOUND[at + len(data) :]


END = SOUND.rindex(b"PK\x05\x06")
DIRECTORY = SOUND.index(b"PK\x01\x02")
STORAGE = SOUND.index(WEIGHTS["emb.weight"].tobytes())


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (SOUND[:-30], "no sound directory"),
        (SOUND[:END], "no sound directory"),
        (b"PK\x03\x04", "no sound directory"),
        (patched(END + 12, b"\xff\xff\xff\x7f"), "no sound directory"),
        (patched(END + 16, b"\xff\xff\xff\x7f"), "no sound directory|does not lie|ends inside"),
        (patched(DIRECTORY + 42, b"\xff\xff\xff\x7f"), "ends inside|does not lie"),
        (patched(DIRECTORY + 20, b"\xff\xff\xff\x7f" * 2), "does not lie|no checkpoint needs"),
        (patched(STORAGE + 3, b"x"), "emb.weight has the checksum"),
        (archive({}), "no data.pkl"),
        (archive({"a": b"b"}), "no data.pkl"),
        (archive({"a/data.pkl": b".", "b/data.pkl": b"."}), "2 data.pkl"),
        (archive({"a/data.pkl": b"N."}), "holds a NoneType"),
        (archive({"a/data.pkl": b"]."}), "holds a list"),
        (archive({"a/data.pkl": b"}.", "a/constants.pkl": b"."}), "TorchScript"),
        (archive({"a/data.pkl": b"}.", "a/byteorder": b"big"}), "big endian"),
        (archive({"a/data.pkl": b"}." + bytes(1 << 25)}), "no checkpoint needs more"),
        (archive({"a/data.pkl": b"}."}, zipfile.ZIP_DEFLATED), "compressed or encrypted"),
    ],
)
def test_damaged_archives(data: bytes, message: str) -> None:
    with pytest.raises(REFUSED, match=message):
        read(data)


def test_a_compressed_bomb_is_not_unpacked() -> None:
    members = {"m/data.pkl": pickled({"emb.weight": tensor("0", "float32", (1 << 22,))})}
    bomb = archive(members | {"m/data/0": bytes(1 << 24)}, zipfile.ZIP_DEFLATED)
    assert len(bomb) < 100_000
    assert peak_bytes(lambda: read(bomb)) < 5_000_000


def test_two_members_of_one_name() -> None:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as whole:
        whole.writestr("m/data.pkl", b"}.")
        with pytest.warns(UserWarning, match="Duplicate"):
            whole.writestr("m/data.pkl", b"cos\nsystem\n.")
    with pytest.raises(ModelFormatError, match="two members of one name"):
        read(file.getvalue())


def test_nothing_is_unpacked(tmp_path: Path) -> None:
    data = archive({"../../up": b"x", "/abs": b"y", "m/data.pkl": pickled({})})
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "model.pth").write_bytes(data)
    with pytest.raises(REFUSED):
        convert_file(tmp_path / "in" / "model.pth", tmp_path / "in" / "out.bin")
    assert [path.name for path in tmp_path.rglob("*")] == ["in", "model.pth"]


@pytest.mark.parametrize(
    ("head", "message"),
    [
        (b"\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19.", "before version 1.6"),
        (b"\x93NUMPY\x01\x00", "begins with the bytes 93 4e"),
        (b"\x89HDF\r\n\x1a\n", "begins with the bytes 89 48"),
        (b"hello", "a text"),
        (b"", "empty"),
    ],
)
def test_files_of_other_kinds(tmp_path: Path, head: bytes, message: str) -> None:
    (tmp_path / "in").write_bytes(head)
    with pytest.raises(ModelFormatError, match=message):
        convert_file(tmp_path / "in", tmp_path / "out.bin")


@given(st.integers(0, len(SOUND) - 1), st.binary(min_size=1, max_size=9))
def test_damage_anywhere_never_does_worse_than_an_error(at: int, junk: bytes) -> None:
    with suppress(*REFUSED):
        read(patched(at, junk))


@given(st.integers(0, len(SOUND)))
def test_truncated_anywhere(size: int) -> None:
    with suppress(*REFUSED):
        assert size == len(SOUND) or not read(SOUND[:size])


@given(st.lists(st.sampled_from([bytes([code]) for code in range(256)]), max_size=60))
def test_any_instructions(codes: list[bytes]) -> None:
    with suppress(ModelFormatError):
        read_pickle(b"\x80\x02" + b"".join(codes))


INSTRUCTIONS = [
    *(b"}", b"]", b")", b"(", b"t", b"\x85", b"\x86", b"s", b"u", b"a", b"e", b"q\x00", b"h\x00"),
    *(b"\x94", b"N", b"K\x07", b"R", b"b", b"Q", b"\x93", text("a"), text("storage")),
    *(b"ctorch._utils\n_rebuild_tensor_v2\n", b"ccollections\nOrderedDict\n"),
    b"ctorch\nFloatStorage\n",
]


@given(st.lists(st.sampled_from(INSTRUCTIONS), max_size=80))
def test_any_program(parts: list[bytes]) -> None:
    with suppress(ModelFormatError):
        read_pickle(b"\x80\x04" + b"".join(parts) + b".")
