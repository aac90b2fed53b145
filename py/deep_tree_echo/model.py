"""A language model on libecho: load it, evaluate tokens, generate text."""

from __future__ import annotations

import os
import weakref
from collections.abc import Iterator, Mapping, Sequence
from ctypes import c_uint32
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from . import core, platform
from .embedding import Embedding
from .errors import ArgumentError
from .events import Token
from .generation import TextGeneration
from .ledger import Kind, Ledger
from .loading import PIECE_BYTES, Bytes, Sample, Source, complete, for_each, open_source
from .reread import CAN_READ_AGAIN, EMBEDDING_LIMIT, FileReread, Reread
from .sampling import SamplingSettings
from .state import State, StateShape
from .tokenids import checked_tokens
from .tokenizer import FILE_TOKENIZER, Tokenizer, name_for

if TYPE_CHECKING:
    from .grammar import Grammar, Program

_TYPE_NAMES = {number: name for name, number in core.READ_TYPES.items()}
_OneToken = c_uint32 * 1
_ROWS = 512  # of an embedding in a file that are read at once; libecho's chunks divide it


class Model:
    """An RWKV model, version 4 to 7. Make one with `load`, `load_async` or `clone`.

    A model serves one thread at a time; `clone` gives further ones on the same weights. It frees
    its memory when nothing refers to it any more, or at once by `close` or a ``with`` block.

    Examples
    --------
    >>> from deep_tree_echo import Model
    >>> model = Model.load()
    >>> logits, state = model.eval(model.encode("Once upon"))
    >>> logits.shape == (model.n_vocab,)
    True
    >>> first = "".join(model.generate("Once", max_tokens=8, seed=1))
    >>> first == "".join(model.generate("Once", max_tokens=8, seed=1))
    True
    """

    n_vocab: int
    """Logits, and tokens from 0 to ``n_vocab - 1``."""
    n_embed: int
    """Width of the residual stream."""
    n_layer: int
    """Layers."""
    n_ffn: int
    """Width of the channel mix."""
    n_head: int
    """Heads of the time mix; 0 for RWKV 4."""
    head_size: int
    """Width of a head; 0 for RWKV 4."""
    architecture: str
    """``4.0``, ``5.1``, ``5.2``, ``6.0`` or ``7.0``."""
    type: str
    """Type of the file's matrices, such as ``FP16``."""
    format: str
    """Format of the file: ``rwkv.cpp`` or ``GGUF``."""
    weight_bytes: int
    """Memory of the weights, shared among clones."""
    outside_bytes: int
    """Bytes of the embedding if it has stayed in the model's file, else 0."""
    work_bytes: int
    """Working memory of this model."""
    state_bytes: int
    """Memory of one state."""
    state_shape: StateShape
    """What the states look like."""
    fingerprint: str
    """Of the architecture, the sizes and a sample of the file; empty if nobody knows the file."""

    def __init__(
        self,
        rwkv: core.Rwkv,
        tokenizer: str | Tokenizer | None = None,
        fingerprint: str = "",
        embedding: Embedding | None = None,
    ) -> None:
        """Takes over a loaded ``echo_rwkv``; use `load` to get one from a file."""
        info = rwkv.info
        self._rwkv = rwkv
        self._tokenizer = tokenizer
        self._embedding = embedding
        self._grammars: core.Grammars | None = None
        self._entries: list[weakref.finalize[..., Model]] = []
        self.fingerprint = fingerprint
        self.architecture = f"{info.architecture // 10}.{info.architecture % 10}"
        self.n_vocab = info.n_vocab
        self.n_embed = info.n_embed
        self.n_layer = info.n_layer
        self.n_ffn = info.n_ffn
        self.n_head = info.n_head
        self.head_size = info.head_size
        self.type = _TYPE_NAMES.get(info.type, str(info.type))
        self.format = core.FORMATS[info.format]
        self.weight_bytes = info.weight_bytes
        self.outside_bytes = (
            info.n_vocab * info.embedding_row_bytes if info.embedding_outside else 0
        )
        self.work_bytes = info.work_bytes
        self.state_bytes = 4 * info.state_size
        self.state_shape = StateShape(
            self.architecture, self.n_layer, self.n_embed, self.n_head, self.head_size
        )
        if self.state_shape.size != info.state_size:
            raise AssertionError(f"libecho's state has {info.state_size} numbers: {self!r}")

    @classmethod
    def load(
        cls,
        source: Source | None = None,
        *,
        memory_limit_mb: float | None = 600,
        head: str | None = None,
        tokenizer: str | Tokenizer | None = None,
        ledger: Ledger | None = None,
    ) -> Model:
        """Loads a model file.

        Parameters
        ----------
        source : path, bytes or iterable of bytes, optional
            A file of rwkv.cpp: its path, its bytes, or pieces of any size in order. The
            model that comes with the package if not given. Of a path, an embedding of more than
            32 MB stays in the file, which is kept open: each token reads its row.
        memory_limit_mb : float or None
            Most memory, in millions of bytes, that the weights, the working memory and one state
            may take; ``None`` for no limit.
        head : str, optional
            Requantises the head to this type, such as ``Q8_0``.
        tokenizer : str or Tokenizer, optional
            ``bytes``, ``bytes+1`` or ``world``; found by ``n_vocab`` if not given.
        ledger : Ledger, optional
            A budget to share with other models: what is free there is a limit too, and the model
            is entered there until it is closed.

        Raises
        ------
        ArgumentError
            If an argument is out of range or the path leads to no file.
        ModelFormatError
            If the bytes are not a model, or a damaged one.
        UnsupportedModelError
            If libecho cannot run the model.
        MemoryBudgetError
            If it takes more memory than the limit.
        BackendError
            If libecho is missing.
        """
        return complete(
            cls._load(source, memory_limit_mb, head, tokenizer, ledger, share_loop=False)
        )

    @classmethod
    async def load_async(
        cls,
        source: Source | None = None,
        *,
        memory_limit_mb: float | None = 600,
        head: str | None = None,
        tokenizer: str | Tokenizer | None = None,
        ledger: Ledger | None = None,
    ) -> Model:
        """As `load`, also for an asynchronous iterable; the event loop goes on meanwhile.

        Cancelling the task gives back what was loaded.
        """
        return await cls._load(source, memory_limit_mb, head, tokenizer, ledger, share_loop=True)

    @classmethod
    async def _load(
        cls,
        source: Source | None,
        memory_limit_mb: float | None,
        head: str | None,
        tokenizer: str | Tokenizer | None,
        ledger: Ledger | None,
        *,
        share_loop: bool,
    ) -> Model:
        if source is None:
            source = platform.bundled_model_path()
        if ledger is not None:
            # At least one byte, for 0 would be no limit at all.
            free_mb = max(1, ledger.free_bytes) / 1e6
            memory_limit_mb = free_mb if memory_limit_mb is None else min(memory_limit_mb, free_mb)
        size, pieces = open_source(source)
        again = None
        if isinstance(source, (str, os.PathLike)) and CAN_READ_AGAIN:
            again = FileReread(source)
            pieces = again.pieces(PIECE_BYTES)
        loader = ModelLoader(
            size=size, memory_limit_mb=memory_limit_mb, head=head, tokenizer=tokenizer, again=again
        )
        try:
            await for_each(pieces, loader.push, share_loop=share_loop)
            model = loader.finish()
        finally:
            loader.close()
        if ledger is not None:
            name = Path(source).name if isinstance(source, (str, os.PathLike)) else repr(model)
            model._enter(ledger, name)
        return model

    def _enter(self, ledger: Ledger, name: str) -> None:
        """Has the ledger show the model until it is closed or forgotten."""
        sizes: tuple[tuple[Kind, int], ...] = (
            ("weights", self.weight_bytes),
            ("work", self.work_bytes),
        )
        for kind, n_bytes in sizes:
            entry = ledger.enter(kind, name, n_bytes, frees=f"close {name}")
            self._entries.append(weakref.finalize(self, ledger.release, entry))

    def eval(
        self, tokens: Sequence[int] | NDArray[np.integer[Any]], state: State | None = None
    ) -> tuple[NDArray[np.float32], State]:
        """Reads tokens.

        Parameters
        ----------
        tokens : sequence of int
            At least one, each below ``n_vocab``.
        state : State, optional
            What was read before; a fresh state if not given. It is not changed.

        Returns
        -------
        logits : (n_vocab,) float32
            Of the token to come next.
        state : State
            After the last token.

        Raises
        ------
        ArgumentError
            If a token is out of range, there is none, or the state is another model's.
        FileError
            If the embedding is in the model's file and that has changed or cannot be read.
        """
        state_in = None if state is None else self._checked_state(state)
        if type(tokens) is list and len(tokens) == 1 and self._is_token(token := tokens[0]):
            # What generation does, in less time.
            ids: Any = _OneToken(token)
            n_tokens = 1
        else:
            ids = checked_tokens(tokens, self.n_vocab)
            n_tokens = len(ids)
        logits = np.empty(self.n_vocab, dtype=np.float32)
        result = np.empty(self.state_shape.size, dtype=np.float32)
        after = State(self.state_shape, result, self.fingerprint)
        if self._embedding is None:
            self._rwkv.eval(ids, n_tokens, state_in, after._address, core.address(logits))
        elif n_tokens == 1:
            row = self._embedding.row(int(ids[0]))
            self._rwkv.eval_rows(row, 1, state_in, after._address, core.address(logits))
        else:
            self._eval_rows(self._embedding, ids, state_in, after._address, core.address(logits))
        return logits, after

    def _eval_rows(
        self,
        embedding: Embedding,
        ids: NDArray[np.uint32],
        state_in: int | None,
        state_out: int,
        logits: int,
    ) -> None:
        """Reads tokens whose rows are in the file, some at a time."""
        for begin in range(0, len(ids), _ROWS):
            some = ids[begin : begin + _ROWS]
            is_last = begin + _ROWS >= len(ids)
            rows = embedding.rows(some)
            self._rwkv.eval_rows(rows, len(some), state_in, state_out, logits if is_last else None)
            state_in = state_out

    def hidden(self) -> NDArray[np.float32]:
        """The hidden vector (n_embed,) of the token evaluated last, after the last layer norm.

        Raises
        ------
        ArgumentError
            Before the first evaluation.
        """
        hidden = np.empty(self.n_embed, dtype=np.float32)
        self._rwkv.hidden(hidden)
        return hidden

    def fresh_state(self) -> State:
        """The state before the first token."""
        array = np.empty(self.state_shape.size, dtype=np.float32)
        self._rwkv.init_state(array)
        return State(self.state_shape, array, self.fingerprint)

    def generate(
        self,
        prompt: str,
        *,
        state: State | None = None,
        max_tokens: int = 256,
        temperature: float = 0.8,
        top_p: float = 0.9,
        top_k: int = 40,
        min_p: float = 0.0,
        typical_p: float = 1.0,
        repetition_penalty: float = 1.0,
        presence_penalty: float = 0.0,
        frequency_penalty: float = 0.0,
        seed: int | None = None,
        bias: Mapping[int, float] = MappingProxyType({}),
        stop: Sequence[str] = (),
        grammar: str | Grammar | None = None,
        json_schema: Mapping[str, Any] | bool | str | None = None,
    ) -> Iterator[str]:
        """Continues a text, piece by piece.

        Parameters
        ----------
        prompt : str
            The text to continue; empty for a text from its beginning.
        state : State, optional
            What was read before the prompt.
        max_tokens : int
            Most tokens to add.
        temperature, top_p, top_k, min_p, typical_p : float
            See `SamplingSettings`, as for the penalties, ``seed`` and ``bias``.
        repetition_penalty, presence_penalty, frequency_penalty : float
            Make tokens of this answer less likely to come again.
        seed : int, optional
            Equal seeds give equal texts.
        bias : mapping of int to float
            Added to the logits of these tokens.
        stop : sequence of str
            Strings that end the text; they are not part of it.
        grammar : str or Grammar, optional
            What the text must fit, as GBNF or compiled before. It ends where it is complete and
            nothing may follow, and is cut short by ``max_tokens`` only.
        json_schema : dict, bool or str, optional
            Likewise, a JSON Schema.

        Yields
        ------
        str
            The next piece of text: whole characters, never a part of a stop string.

        Raises
        ------
        ArgumentError
            If a value is out of range, or the grammar or schema is none.
        """
        # Late: most texts are written without.
        from .grammar import Grammar, GrammarGuidance

        if grammar is not None and json_schema is not None:
            raise ArgumentError("grammar and json_schema are both given; give one of them.")
        if json_schema is not None:
            grammar = Grammar.json_schema(json_schema)
        elif isinstance(grammar, str):
            grammar = Grammar.gbnf(grammar)
        settings = SamplingSettings(
            temperature=temperature,
            top_p=top_p,
            top_k=top_k,
            min_p=min_p,
            typical_p=typical_p,
            repetition_penalty=repetition_penalty,
            presence_penalty=presence_penalty,
            frequency_penalty=frequency_penalty,
            seed=seed,
            bias=bias,
        )
        generation = TextGeneration(
            self,
            prompt,
            state,
            max_tokens=max_tokens,
            settings=settings,
            stop=stop,
            guidance=[GrammarGuidance(grammar)] if grammar is not None else [],
        )
        return (event.text for event in generation if isinstance(event, Token) and event.text)

    def new_sampler(self, settings: SamplingSettings) -> core.Sampler:
        """A sampler for this model's logits; ``settings.seed`` must be a number."""
        return core.Sampler(settings, self.n_vocab)

    def new_matcher(self, program: Program) -> core.Grammar:
        """Follows a text of this model's tokens through a grammar."""
        if self._grammars is None:
            self._grammars = core.Grammars(self.tokenizer.core)
        return self._grammars.start(program)

    @property
    def tokenizer(self) -> Tokenizer:
        """The model's tokenizer.

        Raises
        ------
        UnsupportedModelError
            If none is known for this vocabulary.
        """
        if not isinstance(self._tokenizer, Tokenizer):
            self._tokenizer = Tokenizer(self._tokenizer or name_for(self.n_vocab))
        return self._tokenizer

    def encode(self, text: str | bytes) -> list[int]:
        """The tokens of a text."""
        return self.tokenizer.encode(text)

    def decode(self, tokens: Sequence[int]) -> str:
        """The text of some tokens; bytes that are not UTF-8 become U+FFFD."""
        return self.tokenizer.decode(tokens)

    def decode_bytes(self, tokens: Sequence[int]) -> bytes:
        """The bytes of some tokens; they need not be whole characters."""
        return self.tokenizer.decode_bytes(tokens)

    def clone(self) -> Model:
        """Another model on the same weights, with working memory of its own."""
        return Model(self._rwkv.clone(), self._tokenizer, self.fingerprint, self._embedding)

    def close(self) -> None:
        """Gives the memory back now; the weights go with the last clone. Harmless twice."""
        self._rwkv.close()
        self._embedding = None
        self._grammars = None
        for release in self._entries:
            release()

    @property
    def closed(self) -> bool:
        """Whether `close` has been called."""
        return self._rwkv.closed

    def __enter__(self) -> Model:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<Model {self.type} {self.state_shape}, {self.n_vocab} tokens>"

    def _is_token(self, token: object) -> bool:
        return type(token) is int and 0 <= token < self.n_vocab

    def _checked_state(self, state: State) -> int:
        if not isinstance(state, State):
            raise ArgumentError(
                f"state is of type {type(state).__name__}; give a State, such as "
                "State.from_numpy(model, array)."
            )
        if state.shape != self.state_shape:
            raise ArgumentError(
                f"state belongs to {state.shape}; this model is {self.state_shape}."
            )
        return state._address


class ModelLoader:
    """A `Model` on its way in: ``push`` the file in pieces, then ``finish``.

    Parameters
    ----------
    size, memory_limit_mb, head, tokenizer
        As in `Model.load`.
    again : Reread, optional
        The same file, to read rows of its embedding from. A larger one than `EMBEDDING_LIMIT`
        then stays there. It is closed with the model, or by `close`.
    """

    def __init__(
        self,
        *,
        size: int | None = None,
        memory_limit_mb: float | None = 600,
        head: str | None = None,
        tokenizer: str | Tokenizer | None = None,
        again: Reread | None = None,
    ) -> None:
        self._again = again
        if head is not None and head not in core.TYPES:
            raise ArgumentError(f"head is {head!r}; it must be one of {', '.join(core.TYPES)}.")
        if memory_limit_mb is not None and not 0 < memory_limit_mb < 2**40:
            raise ArgumentError(
                f"memory_limit_mb is {memory_limit_mb!r}; it must be a number above 0, or None."
            )
        if isinstance(tokenizer, str):
            tokenizer = Tokenizer(tokenizer)
        self._tokenizer = tokenizer
        self._sample = Sample()
        self._loader = core.Loader(
            size or 0,
            0 if memory_limit_mb is None else int(memory_limit_mb * 1e6),
            -1 if head is None else core.TYPES[head],
            EMBEDDING_LIMIT if again else 0,
        )

    def push(self, piece: Bytes) -> None:
        """Takes the next bytes of the file; raises as `Model.load` does."""
        self._loader.push(piece)
        self._sample.push(piece)

    def estimate(self) -> core.Estimate | None:
        """What the header says of the memory needed; ``None`` before enough of it is in."""
        estimate = self._loader.estimate()
        return estimate if estimate.known else None

    def finish(self) -> Model:
        """The model, when the file has been pushed whole."""
        rwkv = self._loader.finish()
        tokenizer = self._tokenizer
        if tokenizer is None and rwkv.info.has_tokenizer:
            tokenizer = Tokenizer(FILE_TOKENIZER, rwkv.tokenizer())
        embedding = None
        if self._again and rwkv.info.embedding_outside:
            info = rwkv.info
            embedding = Embedding(self._again, info.embedding_offset, info.embedding_row_bytes)
            self._again = None
        model = Model(rwkv, tokenizer, embedding=embedding)
        model.fingerprint = self._sample.hexdigest(model.state_shape, model.n_vocab)
        return model

    def close(self) -> None:
        """Gives back what an unfinished load holds."""
        self._loader.close()
        if self._again is not None:
            self._again.close()
