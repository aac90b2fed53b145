"""Texts to tokens and back: which tokenizer belongs to which model."""

from __future__ import annotations

from collections.abc import Sequence

from . import core, platform
from .errors import ArgumentError, UnsupportedModelError

WORLD_SIZE = 65530
"""Models with at least so many tokens read the RWKV World vocabulary."""
ECHO_SIZE = 4096
"""Models with so many tokens read the bundled model's vocabulary."""
FILE_TOKENIZER = "file"
"""The name of a tokenizer that the model's own file carries."""
VOCABULARIES = ("echo", "world")
"""Tokenizers that need a file."""
_PATH = platform.small_vocabulary_path()
# Read at once: a page that starts from a snapshot answers before the package's files are there.
_ECHO = _PATH.read_bytes() if _PATH.is_file() else None
PILE_SIZES = (50254, 50277, 50432)
"""Vocabularies of the Pile models, whose tokenizer is another one."""


class Tokenizer:
    """A tokenizer of libecho.

    Parameters
    ----------
    name : str
        ``bytes`` (id = byte), ``bytes+1`` (id = byte + 1, 0 ends a text), ``echo`` (the bundled
        model's 4,096 tokens of RWKV World, numbered anew) or ``world``.
    carried : core.Tokenizer, optional
        The tokenizer itself, where a model's file carries one; ``name`` only names it then.

    Raises
    ------
    ArgumentError
        For any other name.
    UnsupportedModelError
        If the World vocabulary is needed and not there.

    Examples
    --------
    >>> tokenizer = Tokenizer("bytes+1")
    >>> tokenizer.encode("Hé"), tokenizer.decode([73, 196, 170])
    ([73, 196, 170], 'Hé')
    """

    def __init__(self, name: str, carried: core.Tokenizer | None = None) -> None:
        self.name = name
        self._pieces: dict[int, bytes] = {}
        if carried is not None:
            self._core = carried
        elif name == "bytes":
            self._core = core.Tokenizer.bytes_with_offset(0)
        elif name == "bytes+1":
            self._core = core.Tokenizer.bytes_with_offset(1)
        elif name in VOCABULARIES:
            self._core = core.Tokenizer.world(vocabulary(name))
        else:
            known = ", ".join(("bytes", "bytes+1", *VOCABULARIES[:-1]))
            raise ArgumentError(f"tokenizer is {name!r}; it must be {known} or {VOCABULARIES[-1]}.")

    def encode(self, text: str | bytes) -> list[int]:
        """The token ids of a text; characters that UTF-8 cannot hold become ``?``."""
        if isinstance(text, str):
            text = text.encode("utf-8", "replace")
        elif not isinstance(text, bytes):
            raise ArgumentError(f"text is of type {type(text).__name__}; give a str or bytes.")
        return self._core.encode(text)

    def decode_bytes(self, tokens: Sequence[int]) -> bytes:
        """The bytes of some token ids; ids that the vocabulary lacks give nothing."""
        try:
            if len(tokens) != 1:
                return self._core.decode(tokens)
            # Token by token, as in generation, the same few come again and again.
            if (piece := self._pieces.get(tokens[0])) is None:
                piece = self._pieces[tokens[0]] = self._core.decode(tokens)
            return piece
        except (OverflowError, TypeError, ValueError) as error:
            raise ArgumentError(f"tokens is {tokens!r:.80}; give token ids: {error}.") from error

    def decode(self, tokens: Sequence[int]) -> str:
        """The text of some token ids; bytes that are not UTF-8 become U+FFFD."""
        return self.decode_bytes(tokens).decode("utf-8", "replace")

    @property
    def core(self) -> core.Tokenizer:
        """The tokenizer of libecho, as grammars share it."""
        return self._core

    def close(self) -> None:
        """Gives the vocabulary's memory back."""
        self._core.close()


def vocabulary(name: str) -> bytes:
    """The file of a tokenizer that needs one: a line ``id 'token' length`` for each token.

    Parameters
    ----------
    name : str
        One of `VOCABULARIES`.

    Raises
    ------
    UnsupportedModelError
        If the World vocabulary is needed and not there.
    """
    if name == "echo":
        return _PATH.read_bytes() if _ECHO is None else _ECHO
    path = platform.vocabulary_path()
    if path is None:
        raise UnsupportedModelError(
            "The World vocabulary rwkv_vocab_v20230424.txt is missing; install the package with "
            "its data, or run './build.sh native' in a source tree."
        )
    return path.read_bytes()


def name_for(n_vocab: int) -> str:
    """The tokenizer that models with ``n_vocab`` logits use.

    Raises
    ------
    UnsupportedModelError
        If there is none.

    Examples
    --------
    >>> name_for(65536), name_for(257), name_for(4096)
    ('world', 'bytes+1', 'echo')
    """
    if n_vocab == 256:
        return "bytes"
    if n_vocab == 257:
        return "bytes+1"
    if n_vocab == ECHO_SIZE:
        return "echo"
    if n_vocab in PILE_SIZES:
        raise UnsupportedModelError(
            f"n_vocab is {n_vocab}: the model uses the tokenizer of the Pile, which is not "
            "supported; choose a World model, or give tokenizer= yourself."
        )
    if n_vocab >= WORLD_SIZE or platform.vocabulary_path() is not None:
        return "world"
    raise UnsupportedModelError(
        f"n_vocab is {n_vocab}: no tokenizer for it is known; give tokenizer= yourself."
    )
