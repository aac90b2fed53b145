"""An engine by its settings: the model's file, who may answer, what is beside it."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final, cast

from .. import platform
from ..backends.base import ModelFile
from ..backends.chain import Chain
from ..backends.router import Router
from ..config import EngineConfig
from ..database import Database, open_database
from ..errors import BackendError, EchoError, UnsupportedModelError
from ..membranes.grammar import GrammarMembrane
from ..preview import head_places, look
from .cognitive import CognitiveEngine

if TYPE_CHECKING:
    from ..store import ConversationStore

__all__ = ["load_engine", "load_router"]

WORTH_ROUNDING: Final = 8_000_000
"""Bytes that rounding a head must save; below, nobody would notice."""
_LOOK_BYTES: Final = 1 << 22


async def load_engine(
    config: EngineConfig, store: ConversationStore | None = None, *, share_loop: bool = True
) -> CognitiveEngine:
    """An engine with all that its settings enable; see `CognitiveEngine.load`."""
    database: Database | None = None
    if config.database_path is not None or store is None:
        database = open_database(config.database_path)
    try:
        router = await load_router(config, share_loop=share_loop)
    except BaseException:
        if database is not None:
            database.close()
        raise
    home = database or cast("ConversationStore", store).database
    engine = CognitiveEngine(router, store=store, config=config)
    if database is not None:
        engine.on_close(database.close)
    engine.grammar = GrammarMembrane()
    if config.enable_memory:
        from ..membranes.memory import MemoryMembrane
        from ..store.recalled import take_back

        engine.memory = memory = MemoryMembrane(home)
        if store is not None:
            memory.on_gone = partial(take_back, store.database)
    if config.enable_reasoning:
        from ..membranes.reasoning import ReasoningMembrane

        engine.reasoning = ReasoningMembrane(database=home)
    if config.enable_adaptation:
        from ..adaptation import Adaptation

        engine.adaptation = Adaptation()
    return engine


async def load_router(config: EngineConfig, *, share_loop: bool = True) -> Router:
    """The backends that may answer, with the first that works loaded.

    With ``share_loop`` the event loop goes on meanwhile; without, the coroutine never waits, see
    `loading.complete`.

    Raises
    ------
    ArgumentError
        If there is no such file.
    UnsupportedModelError
        If the model has another tokenizer than the settings want.
    EchoError
        If nobody can load the model, as `Chain.load`.
    """
    file = _file(config)
    names = [config.backend_type]
    if config.backend_type == "auto" and not config.enable_rwkv_cpp:
        chain = Chain(file, "auto", config.memory_limit_mb)
        candidates = [name for name in chain.candidates if name != "rwkv_cpp"]
        router = Router({name: partial(chain.load_again, name) for name in candidates})
    else:
        if names == ["rwkv_cpp"] and not config.enable_rwkv_cpp:
            raise BackendError(
                "backend_type is 'rwkv_cpp' and enable_rwkv_cpp is False; change one of them."
            )
        limit = config.memory_limit_mb
        if share_loop:
            loaded = await Chain.load_async(file, config.backend_type, limit)
        else:
            loaded = Chain.load(file, config.backend_type, limit)
        router = Router.from_chain(loaded)
    try:
        _check_tokenizer(router, config.tokenizer_type)
    except EchoError:
        router.close()
        raise
    return router


def _file(config: EngineConfig) -> ModelFile:
    path = Path(config.model_path) if config.model_path else platform.bundled_model_path()
    if config.backend_type == "mock":
        return ModelFile.from_bytes("none", b"")  # which reads none
    file = ModelFile.from_path(path)
    if not config.enable_memory_optimization:
        return replace(file, again=None)
    return replace(file, head=_head(path, file))


def _head(path: Path, file: ModelFile) -> str | None:
    """What the head is rounded to, where that saves much."""
    with path.open("rb") as opened:
        first = opened.read(_LOOK_BYTES)
        ends = b""
        for place, n_bytes in head_places(file.size, first):
            opened.seek(place)
            ends += opened.read(n_bytes)
    try:
        found = look(file.name, file.size, first, head="Q8_0", worth=WORTH_ROUNDING, ends=ends)
    except EchoError:
        return None  # loading it says what is wrong
    return found.head if found else None


def _check_tokenizer(router: Router, wanted: str) -> None:
    model = getattr(router.backend, "model", None)
    if wanted == "auto" or model is None:
        return
    from ..tokenizer import name_for

    found = getattr(getattr(model, "tokenizer", None), "name", None) or name_for(model.n_vocab)
    if found != wanted:
        raise UnsupportedModelError(
            f"tokenizer_type is {wanted!r}, and {router.model_name} has the tokenizer {found!r}; "
            "give that, or 'auto'."
        )
