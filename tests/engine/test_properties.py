"""Any context is answered or refused with one sentence; nothing else ever happens."""

from __future__ import annotations

import json
from typing import Any

from deep_tree_echo import Chain, CognitiveContext, CognitiveEngine, EngineConfig, ModelFile
from deep_tree_echo.engine import Result
from deep_tree_echo.errors import ArgumentError, EchoError
from deep_tree_echo.events import Error
from hypothesis import given
from hypothesis import strategies as st

from tests.engine.conftest import FILE
from tests.engine.membranes import Letters, Notebook, Twice

MOCK = Chain.load(ModelFile.from_bytes("none", b""), "mock")
CHAIN = Chain.load(FILE)

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=5,
)
roles = st.sampled_from(["user", "assistant", "system", "", 3])
histories = st.lists(
    st.fixed_dictionaries({"role": roles, "content": st.text(max_size=30) | json_values})
    | json_values,
    max_size=4,
)
talks = st.lists(st.text(min_size=1).filter(str.strip), max_size=6).map(
    lambda texts: [
        {"role": "assistant" if index % 2 else "user", "content": text}
        for index, text in enumerate(texts[: len(texts) // 2 * 2])
    ]
)
metadata = st.dictionaries(
    st.sampled_from(["settings", "max_tokens", "continues", "other"]), json_values, max_size=2
)


def run(chain: Chain, fields: dict[str, Any]) -> None:
    engine = CognitiveEngine(
        chain,
        memory=Notebook(),
        reasoning=Twice(),
        grammar=Letters(),
        config=EngineConfig(max_tokens=3, session_limit=1),
    )
    try:
        context = CognitiveContext(**fields)
        events = list(engine.process(context))
    except ArgumentError as error:
        assert str(error).endswith(".")  # noqa: PT017 - either is right
        assert engine.sessions == []
        return
    last = events[-1]
    assert isinstance(last, (Result, Error))
    for event in events:
        json.dumps(event.to_json())
    if isinstance(last, Error):
        assert last.message.endswith(".")
        assert issubclass(getattr(__import__("deep_tree_echo.errors").errors, last.kind), EchoError)
        assert engine.sessions == []
    else:
        chat = engine.conversation(fields["session_id"])
        assert chat is not None
        assert chat.turns[-1].user == fields["user_input"]


@given(
    st.fixed_dictionaries(
        {"session_id": st.text() | json_values, "user_input": st.text() | json_values},
        optional={
            "conversation_history": histories | json_values,
            "memory_state": json_values,
            "processing_goals": json_values,
            "temporal_context": json_values,
            "metadata": metadata | json_values,
        },
    )
)
def test_anything_is_answered_or_refused(fields: dict[str, Any]) -> None:
    run(MOCK, fields)


@given(
    st.text(min_size=1, max_size=200).filter(str.strip),
    talks,
    st.lists(st.sampled_from(["twice", "analyze"]), max_size=1),
)
def test_every_text_is_answered(text: str, history: list[Any], goals: list[str]) -> None:
    fields = {"session_id": "s", "user_input": text, "conversation_history": history}
    run(CHAIN, fields | {"processing_goals": goals})


def test_a_long_text_is_answered() -> None:
    run(MOCK, {"session_id": "s" * 100_000, "user_input": "a word\n\n" * 100_000})
    run(CHAIN, {"session_id": "s", "user_input": "a word " * 1000})
