"""The router: who answers, why, what is counted, and what is given again."""

from __future__ import annotations

import json
import time

import numpy as np
import pytest
from deep_tree_echo import Chain, ModelFile, SamplingSettings, platform
from deep_tree_echo.backends.router import Router
from deep_tree_echo.backends.router_settings import RouterSettings
from deep_tree_echo.errors import (
    ArgumentError,
    BackendError,
    MemoryBudgetError,
    UnsupportedModelError,
)
from deep_tree_echo.events import Failure, Fallback

from tests.backends.scripted import Clock, Scripted, expected, fails, in_threads
from tests.event_loop import run
from tests.random_models import random_model_bytes

SEEDED = SamplingSettings(seed=7)
GREEDY = SamplingSettings(temperature=0, seed=0)


def in_order(**values):
    """Settings with which the order decides: answers without a model take no time to measure."""
    return RouterSettings(advantage=None, **values)


def router(settings=None, clock=None, **candidates):
    return Router(candidates, settings or in_order(), clock=clock or Clock())


def ask(one, prompt="Hello", **options):
    generation = one.generate(prompt, **options)
    return list(generation), generation


def test_the_first_answers_and_is_counted():
    one = router(a=Scripted(), b=Scripted())
    events, generation = ask(one)
    assert generation.text == expected("Hello")
    assert [event.type for event in events] == ["prompt"] + ["token"] * 5
    assert (generation.backend_name, generation.model_name) == ("a", "scripted.bin")
    counts = one.statistics()
    assert (counts["a"]["requests"], counts["a"]["completed"], counts["a"]["tokens"]) == (1, 1, 5)
    assert counts["a"]["success_rate"] == 1
    assert 0 < counts["a"]["min_latency"] <= counts["a"]["p50_latency"]
    assert counts["a"]["p99_latency"] <= counts["a"]["max_latency"] <= counts["a"]["total_time"]
    assert counts["b"]["requests"] == 0
    assert counts["b"]["success_rate"] is counts["b"]["p50_latency"] is None
    assert json.loads(json.dumps(one.status()))["backend"] == "a"


def test_a_failure_falls_to_the_next_and_the_answer_starts_again():
    one = router(a=Scripted(fault=fails(1)), b=Scripted())
    events, generation = ask(one)
    failure = Failure("a", "The library has died.")
    assert [event.type for event in events] == ["prompt", "fallback", "prompt"] + ["token"] * 5
    assert events[1] == Fallback("b", failure)
    assert generation.failures == [failure]
    assert generation.text == expected("Hello")
    counts = one.statistics()
    assert (counts["a"]["errors"], counts["b"]["completed"]) == (1, 1)
    assert counts["b"]["backend_switches"] == 1


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (lambda: RuntimeError("no more"), "a failed with RuntimeError: no more."),
        (lambda: OSError(), "a failed with OSError: no reason given."),
        (lambda: FloatingPointError("x."), "a failed with FloatingPointError: x."),
    ],
)
def test_whatever_nobody_raises_on_purpose_is_the_backends_fault(error, said):
    _, generation = ask(router(a=Scripted(fault=fails(1, error)), b=Scripted()))
    assert generation.failures == [Failure("a", said)]
    assert generation.text == expected("Hello")


def test_a_probability_that_is_no_number_is_a_failure():
    _, generation = ask(router(a=Scripted(fault=lambda index: float("nan")), b=Scripted()))
    assert "gives token 0 the probability nan" in generation.failures[0].reason
    assert generation.backend_name == "b"


def test_what_lies_in_the_request_is_refused_and_nobodys_fault():
    one = router(a=Scripted(fault=fails(1, lambda: ArgumentError("Not so."))), b=Scripted())
    with pytest.raises(ArgumentError, match="Not so"):
        ask(one)
    counts = one.statistics()
    assert (counts["a"]["refused"], counts["a"]["errors"]) == (1, 0)
    assert counts["b"]["requests"] == 0
    assert ask(one)[1].backend_name == "a"


def test_a_backend_that_keeps_failing_is_left_alone_and_tried_again():
    clock, broken = Clock(), Scripted(fault=fails(4))
    one = router(in_order(open_after=2, open_seconds=30), clock, a=broken, b=Scripted())
    assert [ask(one)[1].backend_name for _ in range(4)] == ["b"] * 4
    assert broken.begun == 2
    assert [failure.backend for failure in one.failures] == ["a"]
    assert one.failures[0].reason == "The library has died, next try in 30 s."
    clock.now = 30
    ask(one)
    assert broken.begun == 3, "one request tries"
    clock.now = 60
    ask(one)
    assert broken.begun == 3, "after a trial that failed it takes twice as long"
    clock.now = 90
    ask(one)
    assert broken.begun == 4
    clock.now = 90 + 120
    assert ask(one)[1].backend_name == "a"
    assert one.failures == []
    states = [
        step["what"]
        for step in one.status()["steps"]
        if step["backend"] == "a" and step["what"] in ("open", "half_open", "closed")
    ]
    assert states == ["open", *["half_open", "open"] * 2, "half_open", "closed"]


def test_a_trial_is_one_request():
    clock, broken = Clock(), Scripted(fault=fails(1))
    one = router(in_order(open_after=1), clock, a=broken, b=Scripted())
    ask(one)
    clock.now = 30
    trial = one.generate("Is it well?")
    assert ask(one)[1].backend_name == "b"
    list(trial)
    assert trial.backend_name == "a"
    assert ask(one)[1].backend_name == "a"


def test_with_nobody_left_every_reason_is_said():
    def late(index):
        if index == 2:
            raise BackendError("The library has died.")

    one = router(in_order(open_after=1), a=Scripted(fault=late), b=Scripted(fault=late))
    generation = one.generate("Hello")
    with pytest.raises(BackendError, match=r"No backend can answer now \(a: The .*; b: The "):
        list(generation)
    assert generation.stop_reason is None
    assert generation.text == ""
    assert generation.state.text == ""
    with pytest.raises(BackendError, match=r"\(a: .* in 30 s; b: .* in 30 s\); try again later"):
        list(one.generate("Hello"))
    assert one.status()["refused"] == 2


def test_a_failure_of_an_earlier_copy_says_nothing_of_the_present_one():
    clock, made = Clock(), []

    def load():
        made.append(Scripted())
        return made[-1]

    one = router(in_order(open_after=1), clock, a=load, b=Scripted())
    early = iter(one.generate("Early"))
    next(early)
    made[0].fault = fails()
    ask(one)
    clock.now = 30
    assert ask(one)[1].backend_name == "a"
    assert next(early).type == "fallback"
    assert list(early)[-1].type == "token"
    assert one.failures == []
    assert one.statistics()["a"]["errors"] == 2


def measured(one, **speeds):
    """As if each backend had made some tokens at a speed."""
    for name, speed in speeds.items():
        for _ in range(8):
            one._pool.slots[name].statistics.speed.add(1 / speed)


def test_the_faster_one_takes_over_only_with_some_advantage():
    one = router(RouterSettings(), a=Scripted(), b=Scripted())
    assert ask(one, max_tokens=1)[1].backend_name == "a"
    measured(one, a=100, b=115)
    assert one._pool.best(set()).name == "a"
    measured(one, b=1000)
    assert ask(one, max_tokens=1)[1].backend_name == "b"
    reason = [step for step in one.status()["steps"] if step["what"] == "chosen"][-1]["reason"]
    assert "tokens a second, a" in reason
    two = router(RouterSettings(), a=Scripted(), b=Scripted())
    measured(two, b=1000)
    assert two._pool.best(set()).name == "a", "nobody knows how fast it is"
    measured(two, a=900)
    assert two._pool.best(set()).name == "a"
    measured(two, b=10000)
    assert two._pool.best(set()).name == "b"


def test_a_backend_without_a_model_never_wins_by_speed():
    label = Scripted()
    label.needs_file = False
    one = router(RouterSettings(), mock=label, real=Scripted())
    measured(one, mock=1e6, real=1)
    assert ask(one)[1].backend_name == "real"


def test_switching_by_hand():
    one = router(in_order(open_after=1), a=Scripted(), b=Scripted(), c=Scripted(fault=fails()))
    assert one.switch_backend("b").healthy
    assert ask(one)[1].backend_name == one.status()["pinned"] == "b"
    with pytest.raises(BackendError, match="c cannot answer: The library has died"):
        one.switch_backend("c")
    with pytest.raises(ArgumentError, match="name is 'd'; it must be one of a, b, c"):
        one.switch_backend("d")
    assert one.status()["pinned"] == "b"
    assert one.switch_backend("auto") is None
    assert one.status()["pinned"] is None


def test_a_pinned_backend_that_fails_is_replaced_and_comes_back():
    clock, pinned = Clock(), Scripted()
    one = router(in_order(open_after=1), clock, a=Scripted(), b=pinned)
    one.switch_backend("b")
    pinned.fault = fails(1)
    assert ask(one)[1].backend_name == "a"
    clock.now = 30
    assert ask(one)[1].backend_name == "b"


def test_backends_are_loaded_when_needed_and_make_room():
    loaded = []

    def loader(name):
        def load():
            loaded.append(name)
            return made.setdefault(f"{name}{len(loaded)}", Scripted())

        return load

    made = {}
    one = router(a=loader("a"), b=loader("b"))
    assert loaded == []
    ask(one)
    assert loaded == ["a"]
    one.switch_backend("b")
    assert loaded == ["a", "b"]
    assert made["a1"].model.closed
    two = router(in_order(most_loaded=2), a=loader("a"), b=loader("b"))
    ask(two)
    two.switch_backend("b")
    assert not any(made[key].model.closed for key in ("a3", "b4"))


def test_a_backend_in_use_is_closed_only_afterwards():
    made = []

    def load():
        made.append(Scripted())
        return made[-1]

    one = router(a=load, b=Scripted())
    generation = one.generate("Hello")
    events = iter(generation)
    next(events)
    one.close()
    assert not made[0].model.closed
    list(events)
    assert generation.text == expected("Hello")
    assert made[0].model.closed
    with pytest.raises(ArgumentError, match="closed"):
        one.generate("Hello")


def test_a_backend_that_failed_is_loaded_afresh():
    clock, made = Clock(), []

    def load():
        made.append(Scripted(fault=fails() if not made else lambda index: None))
        return made[-1]

    one = router(in_order(open_after=1), clock, a=load, b=Scripted())
    assert ask(one)[1].backend_name == "b"
    assert made[0].model.closed
    clock.now = 30
    assert ask(one)[1].backend_name == "a"
    assert len(made) == 2


@pytest.mark.parametrize(
    "error", [UnsupportedModelError("Too strange."), MemoryBudgetError("Big.")]
)
def test_a_model_that_cannot_run_never_becomes_a_mock(error):
    def load():
        raise error

    label = Scripted()
    label.needs_file = False
    one = router(a=load, mock=label)
    for _ in range(2):
        with pytest.raises(BackendError, match=f"a: {str(error)[:-1]}.*mock: it was not asked"):
            ask(one)
    one = router(a=load, b=Scripted(), mock=label)
    assert ask(one)[1].backend_name == "b"


def test_guidance_that_a_backend_cannot_follow_is_not_its_fault():
    class Grammar:
        name = "grammar"
        required = True

    label = Scripted()
    label.needs_file = False
    one = router(in_order(open_after=1), mock=label)
    with pytest.raises(BackendError, match="mock: scripted cannot follow the grammar"):
        ask(one, guidance=[Grammar()])
    assert ask(one)[1].backend_name == "mock"


def test_a_position_goes_on_where_it_was_and_elsewhere_reads_again():
    one = router(a=Scripted(), b=Scripted())
    _, first = ask(one, "One. ")
    whole = "One. " + first.text + " Two."
    _, second = ask(one, " Two.", state=first.state)
    assert second.text == expected(whole)
    one.switch_backend("b")
    _, third = ask(one, " Two.", state=first.state)
    assert third.text == expected(whole)
    assert third.state.text == whole + third.text


# ------------------------------------------------------------------- the cache


def test_an_answer_that_repeats_is_given_again():
    clock = Clock()
    backend = Scripted("model")
    one = router(None, clock, a=backend)
    first_events, first = ask(one, settings=SEEDED)
    again_events, again = ask(one, settings=SEEDED)
    assert again_events == first_events
    assert (again.text, again.stop_reason) == (first.text, first.stop_reason)
    assert (again.backend_name, again.context_tokens) == ("a", first.context_tokens)
    assert backend.begun == 1
    assert one.statistics()["a"]["cache_hits"] == 1
    assert again.state.text == first.state.text
    assert again.state.state is None
    _, further = ask(one, " Go on", state=again.state)
    assert further.text == expected(first.state.text + " Go on")
    clock.now = 300
    ask(one, settings=SEEDED)
    assert backend.begun == 3


@pytest.mark.parametrize(
    "changed",
    [
        {"prompt": "Hallo"},
        {"settings": SamplingSettings(seed=8)},
        {"settings": SamplingSettings(seed=7, bias={3: 1.0})},
        {"max_tokens": 4},
        {"stop": ["x"]},
    ],
)
def test_another_request_is_not_answered_from_memory(changed):
    backend = Scripted("model")
    one = router(a=backend)
    ask(one, settings=SEEDED)
    ask(one, **{"settings": SEEDED} | changed)
    assert backend.begun == 2


def test_what_may_differ_is_never_kept():
    class Learnt:
        name = "adaptation"
        required = False

        def start(self, model):
            return self

    backend = Scripted("model")
    one = router(a=backend)
    for options in (
        {"settings": SamplingSettings()},
        {},
        {"settings": SEEDED, "guidance": [Learnt()]},
        {"settings": SEEDED, "state": ask(one)[1].state},
    ):
        before = backend.begun
        for _ in range(2):
            ask(one, **options)
        assert backend.begun == before + 2
    unknown = Scripted()
    two = router(a=unknown)
    for _ in range(2):
        ask(two, settings=SEEDED)
    assert unknown.begun == 2


def test_a_cancelled_answer_is_not_kept():
    backend = Scripted("model")
    one = router(a=backend)
    generation = one.generate("Hello", settings=SEEDED)
    events = iter(generation)
    next(events)
    generation.cancel()
    list(events)
    assert one.statistics()["a"]["cancelled"] == 1
    assert ask(one, settings=SEEDED)[1].text == expected("Hello")


def test_the_cache_can_be_turned_off_and_is_bounded():
    for settings in (in_order(cache_entries=0), in_order(cache_seconds=0)):
        backend = Scripted("model")
        one = router(settings, a=backend)
        for _ in range(2):
            ask(one, settings=SEEDED)
        assert backend.begun == 2
    one = router(in_order(cache_entries=3), a=Scripted("model"))
    for number in range(10):
        ask(one, str(number), settings=SEEDED)
    assert one.status()["cached"] == 3
    one.clear_cache()
    assert one.status()["cached"] == 0


def test_a_kept_answer_is_given_when_nobody_can_give_it_now():
    backend = Scripted("model")
    one = router(in_order(open_after=1), a=backend)
    first = ask(one, settings=SEEDED)[1]
    backend.fault = fails()
    with pytest.raises(BackendError):
        ask(one, "Another")
    assert ask(one, settings=SEEDED)[1].text == first.text


# -------------------------------------------------------------------- real models

DATA = random_model_bytes()
FILE = ModelFile.from_bytes("model.bin", DATA)


def test_a_chain_becomes_a_router():
    chain = Chain.load(FILE)
    own = list(chain.generate("Hello", settings=GREEDY, max_tokens=9))
    one = Router.from_chain(chain)
    with pytest.raises(ArgumentError, match="closed"):
        _ = chain.backend
    assert list(one.generate("Hello", settings=GREEDY, max_tokens=9)) == own
    assert one.backend.name == "rwkv_cpp"
    assert list(one.statistics()) == ["rwkv_cpp", "python_rwkv", "mock"]


def test_nan_in_the_logits_is_a_failure_and_numpy_answers(monkeypatch):
    chain = Chain.load(FILE)
    real = chain.backend.model.eval

    def broken(tokens, state=None):
        logits, state = real(tokens, state)
        logits = logits.copy()
        logits[3] = np.nan
        return logits, state

    monkeypatch.setattr(chain.backend.model, "eval", broken)
    one = Router.from_chain(chain)
    _, generation = ask(one, settings=GREEDY, max_tokens=9)
    assert generation.failures == [
        Failure(
            "rwkv_cpp",
            "1 of the 257 logits are not finite; the model or its state is damaged, load it again.",
        )
    ]
    assert generation.backend_name == "python_rwkv"
    alone = Chain.load(FILE, "python_rwkv").generate("Hello", settings=GREEDY, max_tokens=9)
    assert list(alone)
    assert generation.text == alone.text


def test_a_model_that_is_closed_under_way():
    one = Router.from_chain(Chain.load(FILE))
    generation = one.generate("Hello", settings=GREEDY, max_tokens=9)
    events = iter(generation)
    next(events)
    one.backend.close()
    rest = list(events)
    assert rest[0].failure.reason.startswith("rwkv_cpp has been closed under way")
    assert generation.backend_name == "python_rwkv"


def test_a_file_that_cannot_be_read_again_leads_to_the_mock():
    async def chunks():
        yield DATA

    one = Router.from_chain(run(Chain.load_async(ModelFile("model.bin", None, chunks))))
    one.backend.close()
    _, generation = ask(one)
    assert [failure.backend for failure in generation.failures] == ["rwkv_cpp"]
    assert generation.backend_name == "mock"
    assert [failure.backend for failure in one.failures] == ["rwkv_cpp", "python_rwkv"]
    assert "has been closed" in one.failures[0].reason
    assert "comes asynchronously" in one.failures[1].reason


def test_the_chains_failures_go_with_it(monkeypatch):
    def missing():
        raise BackendError("libecho.so is missing.")

    monkeypatch.setattr("deep_tree_echo.core.rwkv.library", missing)
    one = Router.from_chain(Chain.load(FILE))
    assert one.backend.name == "python_rwkv"
    assert one.failures == [Failure("rwkv_cpp", "libecho.so is missing, next try in 30 s.")]


def test_both_backends_of_a_model_share_its_answers():
    one = Router.from_chain(Chain.load(FILE), in_order(most_loaded=2))
    assert all(health.healthy for health in one.check(load=True).values())
    first = ask(one, settings=GREEDY, max_tokens=5)[1]
    one.switch_backend("python_rwkv" if first.backend_name == "rwkv_cpp" else "rwkv_cpp")
    again = ask(one, settings=GREEDY, max_tokens=5)[1]
    assert (again.backend_name, again.text) == (first.backend_name, first.text)


# ----------------------------------------------------------------------- health


def test_a_check_compares_with_what_was_known():
    backend = Scripted("model")
    one = router(a=backend, b=Scripted("model"))
    assert all(health.healthy for health in one.check().values())
    assert all(health.tokens_per_second > 0 for health in one.check().values())
    backend.fault = lambda index: 0.25
    health = one.check("a")["a"]
    assert not health.healthy
    assert "gives token 0 with probability 0.25, where it gave token 0 with 0.5" in health.reason
    assert [failure.backend for failure in one.failures] == ["a"]
    assert ask(one)[1].backend_name == "b"
    backend.fault = lambda index: None
    assert one.check("a")["a"].healthy
    assert one.failures == []


def test_two_backends_with_one_model_must_agree():
    other = Scripted("model", fault=lambda index: 0.45)
    one = router(a=Scripted("model"), b=other, c=Scripted("another", fault=lambda index: 0.1))
    found = one.check()
    assert [health.healthy for health in found.values()] == [True, False, True]
    assert "where a gave token 0 with 0.5" in found["b"].reason


def test_a_damaged_model_is_found_out():
    one = Router.from_chain(Chain.load(FILE, "python_rwkv"))
    assert one.check()["python_rwkv"].healthy
    model = one.backend.model
    real = model.eval
    model.eval = lambda tokens, state=None: (
        real(tokens, state)[0][::-1].copy(),
        real(tokens, state)[1],
    )
    assert not one.check()["python_rwkv"].healthy


def test_a_check_that_takes_too_long():
    one = router(in_order(check_seconds=0.02), a=Scripted(fault=lambda index: time.sleep(0.05)))
    health = one.check()["a"]
    assert not health.healthy
    assert "0.02 s" in health.reason


def test_checks_at_an_interval(monkeypatch):
    backend = Scripted()
    one = router(in_order(check_interval=60), a=backend)
    ask(one)
    ask(one)
    checks = backend.begun - 2
    assert checks == 1
    now = time.time() + 61
    monkeypatch.setattr("time.time", lambda: now)
    ask(one)
    assert backend.begun == 5


def test_watching():
    import asyncio

    backend = Scripted()
    one = router(a=backend)

    async def main():
        task = asyncio.ensure_future(one.watch(0.001))
        while backend.begun < 3:
            await asyncio.sleep(0.001)
        task.cancel()

    run(main())
    assert one.status()["backends"][0]["health"]["healthy"]


@pytest.mark.parametrize(
    ("name", "value"),
    [("open_after", 0), ("cache_entries", -1), ("step_seconds", 0), ("advantage", float("nan")),
     ("check_interval", -1.0), ("most_loaded", True), ("open_seconds", "1")],
)  # fmt: skip
def test_settings_are_checked(name, value):
    with pytest.raises(ArgumentError, match=f"{name} is "):
        RouterSettings(**{name: value})


def test_no_candidates():
    with pytest.raises(ArgumentError, match="candidates is empty"):
        Router({})


# ---------------------------------------------------------------- threads, asyncio


@pytest.mark.native("Pyodide has no threads")
def test_answers_of_many_threads_take_turns_token_by_token():
    backend = Scripted(fault=lambda index: time.sleep(0.0005))
    one = router(a=backend)
    texts = [f"Text {number}" for number in range(24)]
    found = {}

    def answer(text):
        found[text] = ask(one, text)[1].text

    in_threads([lambda text=text: answer(text) for text in texts])
    assert found == {text: expected(text) for text in texts}
    assert backend.most_at_once == 1
    counts = one.statistics()["a"]
    assert (counts["requests"], counts["completed"], counts["under_way"]) == (24, 24, 0)


def test_a_stream_that_is_left_ends_its_answer():
    backend = Scripted(words=1000)
    one = router(a=backend)

    async def main():
        stream = one.stream("Hello")
        async for event in stream:
            if event.type == "token":
                break
        await stream.aclose()

    run(main())
    counts = one.statistics()["a"]
    assert (counts["cancelled"], counts["under_way"]) == (1, 0)
    assert platform.IN_PYODIDE or counts["tokens"] < 10


def test_a_conversation_over_a_router_goes_on_after_a_replay():
    from deep_tree_echo import Conversation

    one = Router.from_chain(Chain.load(FILE))
    first, second = (Conversation(one, settings=SEEDED, max_tokens=8) for _ in range(2))
    done = [list(talk.say("Hello"))[-1] for talk in (first, second)]
    assert done[0].text == done[1].text
    assert one.statistics()["rwkv_cpp"]["cache_hits"] == 1
    followed = [list(talk.say("And then?"))[-1] for talk in (first, second)]
    assert [end.backend for end in followed] == ["rwkv_cpp"] * 2
    assert [turn.user for turn in second.turns] == ["Hello", "And then?"]


def test_the_end_of_an_answer_names_who_was_tried_in_vain():
    from deep_tree_echo import Conversation

    one = router(a=Scripted(fault=fails(1)), b=Scripted())
    talk = Conversation(one)
    done = list(talk.say("Hello"))[-1]
    assert (done.backend, done.failures) == ("b", [Failure("a", "The library has died.")])
    assert (talk.turns[0].backend, talk.turns[0].model) == ("b", "scripted.bin")
    done = list(talk.say("Hello again"))[-1]
    assert (done.backend, done.failures) == ("a", [])


@pytest.mark.parametrize("where", ["start", "adjust", "accept"])
def test_guidance_that_fails_is_nobodys_fault(where):
    class Broken:
        name = "learnt"
        required = False

        def start(self, model):
            return self.fail("start", self)

        def adjust(self, logits):
            return self.fail("adjust", logits)

        def accept(self, token, reading):
            self.fail("accept", None)

        def fail(self, here, given):
            if here == where:
                raise ZeroDivisionError("division by zero")
            return given

    one = Router.from_chain(Chain.load(FILE), in_order(open_after=1))
    with pytest.raises(
        ArgumentError, match=r"guidance \(learnt\) failed with ZeroDivisionError: d"
    ):
        ask(one, guidance=[Broken()])
    counts = one.statistics()["rwkv_cpp"]
    assert (counts["refused"], counts["errors"], counts["under_way"]) == (1, 0, 0)
    assert ask(one, settings=GREEDY, max_tokens=3)[1].backend_name == "rwkv_cpp"
