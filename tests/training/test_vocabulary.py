"""The small vocabulary: well formed, chosen by use, read by the core."""

import numpy as np
import pytest
from deep_tree_echo.errors import ArgumentError
from deep_tree_echo.training import vocabulary
from deep_tree_echo.training.data import token_sizes
from deep_tree_echo.training.parameters import Shape


def test_the_file_holds_every_byte_and_no_token_twice():
    tokens = vocabulary.read(vocabulary.FILE)
    assert len(tokens) == vocabulary.SIZE == Shape().vocabulary
    assert tokens[1:257] == [bytes([number]) for number in range(256)]
    assert len(set(tokens)) == len(tokens)
    assert vocabulary.lines(tokens) == vocabulary.FILE.read_text(encoding="utf-8")
    sizes = token_sizes()
    assert sizes.shape == (4096,)
    assert sizes[0] == 1
    assert sizes[1:].sum() == sum(map(len, tokens))


def test_any_text_comes_back():
    cutter = vocabulary.tokenizer()
    text = "User: What is RWKV?\n\nAssistant: na\u00efve \U0001f600 \x00\xff".encode() + b"\xff\xfe"
    ids = cutter.encode(text)
    assert cutter.decode(ids) == text
    assert max(ids) < vocabulary.SIZE
    assert min(ids) > 0
    assert len(cutter.encode(b"What is a reservoir?")) < 8
    cutter.close()


def test_what_is_used_stays(tmp_path):
    world = tmp_path / "world.txt"
    tokens = [b"", *(bytes([n]) for n in range(256)), b"the", b"them", b"theme", b"zebra", b" a"]
    world.write_text(vocabulary.lines(tokens), encoding="utf-8")
    chosen = vocabulary.choose(world, "theme theme the a a a a a", 259)
    assert chosen[257:] == [b"theme", b" a"]
    everything = vocabulary.choose(world, "theme", 300)
    assert everything == tokens
    with pytest.raises(ArgumentError, match="size is 256; it must be at least 257"):
        vocabulary.choose(world, "theme", 256)


def test_tokens_save_space_on_the_projects_own_words():
    cutter = vocabulary.tokenizer()
    text = b"The reservoir is a recurrent network whose state you can save and branch."
    assert len(text) / len(cutter.encode(text)) > 3
    cutter.close()
    assert np.all(token_sizes() >= 1)
