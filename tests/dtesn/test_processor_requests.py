"""Many requests at once: batches, streams, priorities, the cache, and leaving in the middle."""

from __future__ import annotations

import asyncio
import dataclasses
import json
from contextlib import aclosing
from typing import Any

import numpy as np
import pytest
from deep_tree_echo import DTESNConfig, DTESNProcessor
from deep_tree_echo.dtesn import processor as module
from deep_tree_echo.dtesn.activity import Activity
from deep_tree_echo.dtesn.hierarchy import Hierarchy
from deep_tree_echo.dtesn.processor_events import (
    HierarchyReady,
    IntegrationChecked,
    MembranesStepped,
    Processed,
    ReservoirsMoved,
)
from deep_tree_echo.dtesn.turns import Priority
from deep_tree_echo.errors import ArgumentError, BackendError, LimitError

from tests.event_loop import run

SMALL = DTESNConfig(max_membrane_depth=3, esn_reservoir_size=48, bseries_max_order=2)
TEXT = "The reservoir echoes what drives it."
UNCACHED = dataclasses.replace(SMALL, enable_caching=False)


def plain(data: Any, config: DTESNConfig = SMALL) -> str:
    return run(DTESNProcessor(config).process(data)).to_deterministic()


# ------------------------------------------------------------------------------- batches


def test_a_batch_of_a_hundred() -> None:
    inputs = [f"input {i}" for i in range(100)]
    processor = DTESNProcessor(SMALL)
    results = run(processor.batch(inputs))
    assert [result.input_data for result in results] == inputs
    assert processor.metrics()["completed"] == 100
    assert results[37].to_deterministic() == plain(inputs[37])


@pytest.mark.parametrize(
    ("inputs", "arguments", "sentence"),
    [
        ([], {}, "inputs has 0 entries; a batch has 1 to 100"),
        (["x"] * 101, {}, "inputs has 101 entries"),
        ("text", {}, "inputs is of type str; give a list of inputs"),
        (["a", "", "c"], {}, r"inputs\[1\]: input_data is ''"),
        (["a"], {"concurrency": 0}, "concurrency is 0; it must be at least 1"),
        (["a"], {"esn_size": 7}, r"inputs\[0\]: esn_size is 7"),
    ],
)
def test_a_bad_batch_is_not_begun(inputs: Any, arguments: dict[str, Any], sentence: str) -> None:
    processor = DTESNProcessor(SMALL)
    with pytest.raises(ArgumentError, match=sentence):
        run(processor.batch(inputs, **arguments))
    assert processor.metrics()["requests"] == 0


def test_a_batch_that_fails_ends_whole() -> None:
    processor = DTESNProcessor(SMALL)
    with pytest.raises(LimitError, match="timeout"):
        run(processor.batch([TEXT] * 10, timeout=1e-6))
    assert processor.status()["under_way"] == 0
    assert processor.metrics()["completed"] == 0


def test_one_that_fails_ends_the_others_of_its_batch() -> None:
    class Picky:
        n_embed, n_vocab, fingerprint = 4, 256, ""
        hidden: Any = None

        def encode(self, text: bytes) -> list[int]:
            return list(text)

        def eval(self, tokens: list[int], state: Any = None) -> tuple[Any, Any]:
            self.hidden = np.full(4, np.nan if tokens[0] == ord("!") else 1.0)
            return np.zeros(256, dtype=np.float32), None

    processor = DTESNProcessor(SMALL, Picky())
    with pytest.raises(BackendError, match="not finite after token 1;"):
        run(processor.batch([TEXT * 30, "!", TEXT * 31]))
    metrics = processor.metrics()
    assert (metrics["completed"], metrics["failed"], metrics["cancelled"]) == (0, 1, 2)


# ------------------------------------------------------------------------------- streams


async def events_of(processor: DTESNProcessor, data: Any = TEXT, **arguments: Any) -> list[Any]:
    return [event async for event in processor.stream(data, **arguments)]


def test_a_stream_tells_all_in_order() -> None:
    events = run(events_of(DTESNProcessor(SMALL)))
    beats = -(-len(TEXT) // 4)
    kinds = [type(event) for event in events]
    assert kinds == [
        HierarchyReady,
        *[ReservoirsMoved, MembranesStepped] * beats,
        IntegrationChecked,
        Processed,
    ]
    assert [event.type for event in events[:3]] == ["hierarchy", "reservoir", "membrane"]
    for event in events:
        assert json.loads(json.dumps(event.to_json(), allow_nan=False)) == event.to_json()
    result = events[-1].result
    assert result["input"] == TEXT
    assert result["bseries_computation"] == events[-2].report
    moved = [event for event in events if isinstance(event, ReservoirsMoved)]
    assert [event.done for event in moved] == [*range(4, len(TEXT), 4), len(TEXT)]
    assert moved[-1].mse == result["output"]["prediction"]["mse"]
    assert moved[-1].activity == result["esn_state"]["membrane_activity"]
    assert moved[0].change != moved[1].change


def test_the_rules_told_are_the_rules_applied() -> None:
    events = run(events_of(DTESNProcessor(SMALL), TEXT * 2))
    ready = events[0]
    again = Activity(Hierarchy.build(3, 48))
    steps = [event for event in events if isinstance(event, MembranesStepped)]
    moves = [event for event in events if isinstance(event, ReservoirsMoved)]
    for move, step in zip(moves, steps, strict=True):
        made = again.beat(move.change, trace=True)
        assert made is not None
        assert step.objects == again.held
        assert step.emitted == again.emitted
        for told, applied in zip(step.applied, made.applied, strict=True):
            assert told["rule"] == applied.name
            assert told["rule"].endswith(str(ready.levels[told["membrane"]]))
            assert told["times"] == applied.times
    assert any(step.applied for step in steps)
    levels = events[-1].result["output"]["membranes"]["levels"]
    assert [level["objects"] for level in levels] == again.by_level().tolist()


def test_a_stream_gives_what_process_gives() -> None:
    result = module.DTESNResult.from_dict(run(events_of(DTESNProcessor(SMALL)))[-1].result)
    assert result.to_deterministic() == plain(TEXT)


def test_a_stream_computes_nothing_ahead() -> None:
    async def main() -> int:
        processor = DTESNProcessor(SMALL)
        async with aclosing(processor.stream(TEXT * 50)) as events:
            async for event in events:
                if isinstance(event, ReservoirsMoved):
                    break
            # Somebody else is not kept waiting by a reader who does nothing.
            await processor.process("other")
            assert processor.status()["under_way"] == 1
        assert processor.status()["under_way"] == 0
        return processor.metrics()["tokens"]

    assert run(main()) == len("other")


# ---------------------------------------------------------------- leaving in the middle


@pytest.mark.parametrize("turns", [0, 1, 2, 5, 9])
def test_a_cancelled_request_leaves_everything_as_it_was(turns: int) -> None:
    async def main() -> None:
        processor = DTESNProcessor(UNCACHED)
        before = (await processor.process("before")).to_deterministic()
        status = processor.status()
        task = asyncio.ensure_future(processor.process(TEXT * 400))
        other = asyncio.ensure_future(processor.process(TEXT))
        for _ in range(turns):
            await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert (await other).to_deterministic() == expected
        assert processor.status() == status
        assert processor.metrics()["completed"] == 2
        assert processor.metrics()["cancelled"] == (turns > 0)
        assert (await processor.process("before")).to_deterministic() == before

    expected = plain(TEXT, UNCACHED)
    run(main())


def test_a_cancelled_batch_ends_all_of_it() -> None:
    async def main() -> None:
        processor = DTESNProcessor(SMALL)
        task = asyncio.ensure_future(processor.batch([f"{i}{TEXT * 100}" for i in range(20)]))
        for _ in range(4):
            await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert processor.status()["under_way"] == processor.status()["waiting"] == 0
        assert (await processor.process(TEXT)).to_deterministic() == expected

    expected = plain(TEXT)
    run(main())


# ---------------------------------------------------------------------------- priorities


def test_the_urgent_come_first_under_load() -> None:
    async def main() -> list[str]:
        processor, done = DTESNProcessor(UNCACHED), []

        async def one(name: str, priority: Priority) -> None:
            await processor.process(TEXT * 3, priority=priority)
            done.append(name)

        low = [one(f"low {i}", "background") for i in range(10)]
        await asyncio.gather(*low, one("urgent", "critical"))
        return done

    assert run(main())[0] == "urgent"


def test_the_patient_are_served_while_the_urgent_go_on() -> None:
    async def main() -> int:
        processor = DTESNProcessor(UNCACHED)
        served = asyncio.ensure_future(processor.process("x", priority="background"))
        rounds = 0

        async def urgent() -> None:
            nonlocal rounds
            while not served.done() and rounds < 200:
                await processor.process(TEXT, priority="critical")
                rounds += 1

        await asyncio.gather(urgent(), urgent())
        await served
        return rounds

    # Four turns, and 64 of the others before each.
    assert 10 < run(main()) < 200


def test_too_many_at_once_are_refused() -> None:
    async def main() -> list[Any]:
        config = dataclasses.replace(SMALL, max_concurrent_processes=3)
        processor = DTESNProcessor(config)
        asked = (processor.process(f"{i}") for i in range(5))
        found = await asyncio.gather(*asked, return_exceptions=True)
        await processor.process("later")
        return found

    found = run(main())
    refused = [one for one in found if isinstance(one, LimitError)]
    assert len(refused) == 2
    assert str(refused[0]).startswith("3 requests are under way; more than max_concurrent")


# -------------------------------------------------------------------------------- cache


def test_an_answer_is_given_again_and_is_the_callers_own(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [1000.0]
    monkeypatch.setattr(module.time, "monotonic", lambda: clock[0])
    config = dataclasses.replace(SMALL, cache_ttl_seconds=10)
    processor = DTESNProcessor(config)
    first = run(processor.process(TEXT))
    first.esn_state["state"][0] = 99.0
    second = run(processor.process(TEXT))
    assert second.esn_state["state"][0] != 99.0
    assert second.engine_integration["performance_metrics"]["cache_hit"] is True
    assert second.to_deterministic() == plain(TEXT, config)
    assert processor.metrics()["cache_hits"] == 1
    run(processor.process(TEXT, esn_size=64))
    run(processor.process(TEXT, membrane_depth=2))
    assert processor.metrics()["cache_hits"] == 1
    clock[0] += 9.5
    run(processor.process(TEXT))
    assert processor.metrics()["cache_hits"] == 2
    clock[0] += 1
    run(processor.process(TEXT))
    assert processor.metrics()["cache_hits"] == 2
    processor.clear_cache()
    assert processor.status()["cached"] == 0


def test_the_cache_is_bounded_and_can_be_off() -> None:
    processor = DTESNProcessor(dataclasses.replace(SMALL, cache_max_entries=2))
    for text in "abc":
        run(processor.process(text))
    assert processor.status()["cached"] == 2
    run(processor.process("a"))
    assert processor.metrics()["cache_hits"] == 0
    for config in (UNCACHED, dataclasses.replace(SMALL, cache_ttl_seconds=0)):
        other = DTESNProcessor(config)
        for _ in range(2):
            run(other.process(TEXT))
        assert (other.metrics()["cache_hits"], other.status()["cached"]) == (0, 0)


def test_another_engine_has_other_answers() -> None:
    class Constant:
        n_embed, n_vocab, fingerprint = 4, 256, "x"

        def __init__(self, value: float) -> None:
            self.value = value

        def encode(self, text: bytes) -> list[int]:
            return list(text)

        def eval(self, tokens: Any, state: Any = None) -> tuple[Any, Any]:
            return np.zeros(256, dtype=np.float32), None

        def hidden(self) -> Any:
            return np.array([1.0, self.value, 0.0, 0.0])

    processor = DTESNProcessor(SMALL, Constant(1.0))
    first = run(processor.process(TEXT))
    processor.engine = Constant(-1.0)
    other = run(processor.process(TEXT))
    processor.engine = None
    none = run(processor.process(TEXT))
    assert processor.metrics()["cache_hits"] == 0
    states = [str(one.esn_state["state"]) for one in (first, other, none)]
    assert len(set(states)) == 3


def test_status_and_metrics_are_json() -> None:
    processor = DTESNProcessor(SMALL)
    run(processor.process(TEXT))
    for values in (processor.status(), processor.metrics()):
        assert json.loads(json.dumps(values, allow_nan=False)) == values
    assert processor.status()["reason"].startswith("No engine was given")
    metrics = processor.metrics()
    assert (metrics["requests"], metrics["completed"], metrics["tokens"]) == (1, 1, len(TEXT))
    assert metrics["tokens_per_second"] > 0
