"""Asking an engine, and what came of it."""

from __future__ import annotations

from typing import Any

from deep_tree_echo import CognitiveContext, CognitiveEngine
from deep_tree_echo.engine import Result
from deep_tree_echo.events import Event

from tests.engine.conftest import SETTINGS


def context(text: str, session: str = "s", **fields: Any) -> CognitiveContext:
    metadata = {"settings": SETTINGS} | fields.pop("metadata", {})
    return CognitiveContext(session, text, metadata=metadata, **fields)


def ask(
    engine: CognitiveEngine, text: str, session: str = "s", **fields: Any
) -> tuple[list[Event], Result]:
    watch = fields.pop("watch", ())
    *events, last = engine.process(context(text, session, **fields), watch=watch)
    assert isinstance(last, Result), last
    return events, last


def said(engine: CognitiveEngine, session: str = "s") -> str:
    """What the model has read in a session."""
    chat = engine.conversation(session)
    assert chat is not None
    assert chat.current is not None
    assert chat.current.answered.position is not None
    return chat.current.answered.position.text
