"""Each backend killed in turn under load: every request is answered or refused, none twice."""

from __future__ import annotations

import asyncio
import random
import threading
from collections import Counter

import numpy as np
import pytest
from deep_tree_echo import Chain, Model, ModelFile, SamplingSettings
from deep_tree_echo.backends.python_rwkv.model import NumpyModel
from deep_tree_echo.backends.router import Router
from deep_tree_echo.backends.router_settings import RouterSettings
from deep_tree_echo.errors import BackendError, EchoError
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, invariant, rule

from tests.backends.process import InProcess
from tests.backends.scripted import Clock, Scripted, expected, fails
from tests.event_loop import run
from tests.random_models import random_model_bytes

NAMES = ("a", "b", "c")
FAULTS = {
    "none": lambda: fails(0),
    "error": lambda: fails(),
    "once": lambda: fails(1),
    "crash": lambda: fails(error=lambda: OSError("the library has vanished")),
    "nan": lambda: lambda index: float("nan"),
}
OUTCOMES = ("completed", "cancelled", "refused", "errors")


def sum_of(router, name):
    return sum(counts[name] for counts in router.statistics().values())


class Faults(RuleBasedStateMachine):
    """Requests begin, go on, stop and are forgotten while backends break and heal."""

    answers = Bundle("answers")

    @initialize(loadable=st.booleans(), entries=st.sampled_from([0, 2]))
    def begin(self, loadable, entries):
        self.clock = Clock()
        self.kinds = dict.fromkeys(NAMES, "none")
        self.living = {}
        self.cancelled = set()
        self.reasons = []
        self.asked = self.answered = self.stopped = self.turned_away = 0

        def make(name):
            backend = Scripted("model", self.fault(name))
            self.living[name] = backend
            return backend

        candidates = {
            name: (lambda name=name: make(name)) if loadable else make(name) for name in NAMES
        }
        self.router = Router(
            candidates,
            RouterSettings(advantage=None, open_after=2, cache_entries=entries, most_loaded=2),
            clock=self.clock,
        )

    def fault(self, name):
        made = {}

        def run(index):
            kind = self.kinds[name]
            if kind not in made:
                made.clear()
                made[kind] = FAULTS[kind]()
            return made[kind](index)

        return run

    @rule(target=answers, prompt=st.sampled_from("xyz"), seed=st.sampled_from([None, 1]))
    def ask(self, prompt, seed):
        self.asked += 1
        generation = self.router.generate(prompt, settings=SamplingSettings(seed=seed))
        return [prompt, generation, iter(generation), "under way"]

    @rule(answer=answers, steps=st.integers(1, 8))
    def go_on(self, answer, steps):
        prompt, generation, events, state = answer
        if state != "under way":
            return
        try:
            for _ in range(steps):
                if next(events, None) is None:
                    stopped = generation.stop_reason == "cancelled"
                    assert stopped or generation.text == expected(prompt)
                    assert expected(prompt).startswith(generation.text)
                    answer[3] = "ended"
                    if stopped:
                        self.stopped += 1
                    else:
                        self.answered += 1
                    break
        except BackendError as error:
            self.reasons.append(str(error))
            answer[3] = "ended"
            self.turned_away += 1

    @rule(answer=answers)
    def cancel(self, answer):
        answer[1].cancel()

    @rule(name=st.sampled_from(NAMES), kind=st.sampled_from(sorted(FAULTS)))
    def change(self, name, kind):
        self.kinds[name] = kind

    @rule(seconds=st.sampled_from([1, 30, 1000]))
    def wait(self, seconds):
        self.clock.now += seconds

    @rule(name=st.sampled_from(NAMES))
    def switch(self, name):
        before = self.router.status()["pinned"]
        try:
            self.router.switch_backend(name)
        except EchoError:
            assert self.router.status()["pinned"] == before

    @rule()
    def check(self):
        for name, health in self.router.check().items():
            if self.kinds[name] in ("error", "crash", "nan"):
                assert not health.healthy

    @invariant()
    def every_request_is_accounted_for_once(self):
        if not hasattr(self, "router"):
            return
        for counts in self.router.statistics().values():
            assert counts["requests"] == counts["under_way"] + sum(
                counts[name] for name in OUTCOMES
            )
            assert counts["under_way"] >= 0
        assert self.router.status()["refused"] >= self.turned_away
        assert all(f"{name}: " in reason for reason in self.reasons for name in NAMES)
        done = sum_of(self.router, "completed") + sum_of(self.router, "cache_hits")
        assert self.answered + self.stopped <= self.asked
        assert self.answered <= done

    def teardown(self):
        if hasattr(self, "router"):
            self.router.close()


TestFaults = Faults.TestCase
TestFaults.settings = hypothesis_settings(max_examples=30, stateful_step_count=30)


ANSWERED = "answered"
REFUSED = "No backend can answer now"


async def load(router, count, kill):
    """Many requests, twenty at a time; what became of each, by its number."""
    became = {}
    turn = asyncio.Semaphore(20)

    async def one(number):
        async with turn:
            await answer(number)

    async def answer(number):
        text, tokens = f"Request {number}", []
        try:
            async for event in router.stream(text):
                if event.type == "token":
                    tokens.append(event.text)
                elif event.type == "fallback":
                    tokens.clear()
        except BackendError as error:
            outcome = str(error)[:25]
        else:
            assert "".join(tokens) == expected(text)
            outcome = ANSWERED
        assert number not in became
        became[number] = outcome

    await asyncio.gather(kill(became), *(one(number) for number in range(count)))
    return became


@pytest.mark.parametrize("kind", ["error", "crash", "nan"])
@pytest.mark.parametrize("loadable", [True, False])
def test_each_backend_is_killed_in_turn_under_load(kind, loadable):
    dead = set()

    def make(name):
        broken = FAULTS[kind]()
        return Scripted(fault=lambda index: broken(index) if name in dead else None)

    router = Router(
        {name: (lambda name=name: make(name)) if loadable else make(name) for name in NAMES},
        RouterSettings(open_seconds=0.002, most_loaded=3, advantage=None),
    )
    count = 400

    async def kill(became):
        for number, name in enumerate(NAMES):
            while len(became) < count * (number + 1) // 5:
                await asyncio.sleep(0.0005)
            assert set(became.values()) == {ANSWERED}
            dead.add(name)
        while set(became.values()) == {ANSWERED} and len(became) < count:
            await asyncio.sleep(0.0005)
        dead.clear()

    became = run(load(router, count, kill))
    assert len(became) == count
    ended = Counter(became.values())
    assert set(ended) == {ANSWERED, REFUSED}
    assert sum_of(router, "completed") == ended[ANSWERED]
    assert router.status()["refused"] == ended[REFUSED]
    assert sum_of(router, "under_way") == sum_of(router, "refused") == 0
    assert sum_of(router, "requests") == ended[ANSWERED] + sum_of(router, "errors")
    assert all(counts["completed"] and counts["errors"] for counts in router.statistics().values())


def test_the_real_backends_are_killed_in_turn_under_load(monkeypatch):
    data = random_model_bytes()
    file = ModelFile.from_bytes("model.bin", data)
    greedy = SamplingSettings(temperature=0)
    prompts = [f"Request {number}" for number in range(60)]
    answers = {}
    for name in ("rwkv_cpp", "python_rwkv"):
        alone = Chain.load(file, name)
        answers[name] = {}
        for prompt in prompts:
            generation = alone.generate(prompt, settings=greedy, max_tokens=6)
            list(generation)
            answers[name][prompt] = generation.text
    dead = set()
    cpp, python = Model.eval, NumpyModel.eval

    def crash(self, tokens, state=None):
        if "rwkv_cpp" in dead:
            raise OSError("libecho has vanished")
        return cpp(self, tokens, state)

    def nan(self, tokens, state=None):
        logits, state = python(self, tokens, state)
        return (logits * np.nan if "python_rwkv" in dead else logits), state

    monkeypatch.setattr(Model, "eval", crash)
    monkeypatch.setattr(NumpyModel, "eval", nan)
    router = Router.from_chain(
        Chain.load(file), RouterSettings(open_seconds=0.02, cache_entries=0, advantage=None)
    )
    became = {}

    async def one(prompt):
        said, generation = "", router.generate(prompt, settings=greedy, max_tokens=6)
        for event in generation:
            said = "" if event.type == "fallback" else said + getattr(event, "text", "")
            await asyncio.sleep(0)
        assert prompt not in became
        became[prompt] = (generation.backend_name, said)

    async def main():
        for number, victims in enumerate([{}, {"rwkv_cpp"}, {"rwkv_cpp", "python_rwkv"}, {}]):
            group = [asyncio.ensure_future(one(p)) for p in prompts[number * 15 :][:15]]
            for _ in range(4):
                await asyncio.sleep(0)
            dead.clear()
            dead.update(victims)
            await asyncio.gather(*group)
        await asyncio.sleep(0.7)
        del became[prompts[0]]
        await one(prompts[0])

    run(main())
    assert set(became) == set(prompts)
    assert {name for name, _ in became.values()} == {"rwkv_cpp", "python_rwkv", "mock"}
    for prompt, (name, said) in became.items():
        if name == "mock":
            assert said.startswith(" [mock]")
        else:
            assert said == answers[name][prompt]
    assert became[prompts[0]][0] == "rwkv_cpp"
    assert sum_of(router, "completed") == 61
    assert sum_of(router, "under_way") == 0


def test_with_all_backends_dead_every_request_is_refused_and_heals_later():
    backends = {name: Scripted() for name in NAMES}
    router = Router(backends, RouterSettings(open_seconds=0.02, open_after=1, advantage=None))

    async def kill(became):
        for backend in backends.values():
            backend.fault = fails()

    became = run(load(router, 100, kill))
    assert Counter(became.values()) == {REFUSED: 100}
    assert router.status()["refused"] == 100
    for backend in backends.values():
        backend.fault = fails(0)
    assert all(health.healthy for health in router.check().values())
    generation = router.generate("Hello")
    list(generation)
    assert generation.text == expected("Hello")


@pytest.mark.native("Pyodide has no processes")
def test_a_worker_process_that_is_really_killed():
    workers = []

    def load_worker():
        workers.append(InProcess())
        return workers[-1]

    router = Router(
        {"worker": load_worker, "spare": Scripted()},
        RouterSettings(open_after=1, open_seconds=0.05, step_seconds=60, advantage=None),
    )
    count = 200

    async def kill(became):
        for round in range(2):
            while len(became) < count * (round + 1) // 4 or len(workers) <= round:
                await asyncio.sleep(0.001)
            workers[round].kill()

    try:
        became = run(load(router, count, kill))
        assert Counter(became.values()) == {ANSWERED: count}
        counts = router.statistics()
        assert counts["worker"]["errors"] >= 1
        assert counts["worker"]["completed"] + counts["spare"]["completed"] == count
        reasons = [s["reason"] for s in router.status()["steps"] if s["what"] == "failed"]
        assert any("worker failed with " in reason for reason in reasons)
    finally:
        router.close()


@pytest.mark.native("Pyodide has no threads")
def test_a_backend_that_hangs_is_given_up():
    let_go = threading.Event()
    hanging = Scripted(fault=lambda index: let_go.wait() if index == 2 else None)
    router = Router(
        {"hangs": hanging, "spare": Scripted()},
        RouterSettings(step_seconds=2, open_seconds=0.05, advantage=None),
    )
    try:
        became = run(load(router, 60, lambda became: asyncio.sleep(0)))
        assert Counter(became.values()) == {ANSWERED: 60}
        counts = router.statistics()
        assert counts["hangs"]["completed"] == counts["hangs"]["under_way"] == 0
        assert counts["spare"]["completed"] == 60
        status = router.status()["backends"][0]
        assert status["reason"] == "hangs has not come back from a step within 2 s."
        assert not router.check("hangs")["hangs"].healthy
    finally:
        let_go.set()


@pytest.mark.native("Pyodide has no threads")
def test_a_hanging_backend_that_can_be_loaded_again_is():
    let_go, made = threading.Event(), []

    def load_one():
        first = not made
        made.append(Scripted(fault=(lambda index: let_go.wait()) if first else fails(0)))
        return made[-1]

    clock = Clock()
    router = Router({"a": load_one, "b": Scripted()}, RouterSettings(step_seconds=2), clock=clock)
    try:
        list(router.generate("Hello"))
        assert not made[0].model.closed, "it is still in use, by a step that never ends"
        clock.now = 30
        generation = router.generate("Hello")
        list(generation)
        assert generation.backend_name == "a"
    finally:
        let_go.set()


def test_where_there_are_no_threads_a_slow_step_counts_afterwards(monkeypatch):
    import time

    from deep_tree_echo import platform

    monkeypatch.setattr(platform, "IN_PYODIDE", True)
    slow = Scripted(fault=lambda index: time.sleep(0.03))
    router = Router(
        {"a": slow, "b": Scripted()},
        RouterSettings(step_seconds=0.01, open_after=1, advantage=None),
    )
    generation = router.generate("Hello", max_tokens=2)
    list(generation)
    assert generation.text == expected("Hello", 2)
    assert router.failures[0].reason.startswith("a took ")
    assert router.generate("Hello").backend_name == "b"


def test_forgotten_answers_are_given_back():
    import gc

    router = Router({"a": Scripted()})
    for _ in range(20):
        generation = router.generate("Hello")
        if random.Random(1).random() < 0.5:
            next(iter(generation))
        del generation
    gc.collect()
    counts = router.statistics()["a"]
    assert (counts["cancelled"], counts["under_way"]) == (20, 0)
