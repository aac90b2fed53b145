"""The chain: who answers, why the others do not, and what stays when something fails."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest
from deep_tree_echo import Chain, ModelFile, SamplingSettings
from deep_tree_echo.backends import chain as module
from deep_tree_echo.errors import (
    ArgumentError,
    BackendError,
    DownloadError,
    MemoryBudgetError,
    ModelFormatError,
    UnsupportedModelError,
)
from deep_tree_echo.events import Failure, Fallback

from tests.random_models import random_model_bytes

GREEDY = SamplingSettings(temperature=0, seed=0)
DATA = random_model_bytes()
FILE = ModelFile.from_bytes("model.bin", DATA)


@pytest.fixture
def broken(monkeypatch):
    """Makes backends fail: ``broken(name, error)`` when loaded."""
    errors = {}
    real = module.backend_class

    def backend_class(name):
        if name in errors:
            raise errors[name]
        return real(name)

    monkeypatch.setattr(module, "backend_class", backend_class)
    return errors.__setitem__


class Dying:
    """Makes the backend of a chain die with a BackendError at a token."""

    def __init__(self, chain, at):
        self.at = at
        self.real = chain.backend.generate
        chain.backend.generate = self.generate

    def generate(self, *arguments, **options):
        generation = self.real(*arguments, **options)
        at = self.at

        class Wrapped:
            def __getattr__(self, name):
                return getattr(generation, name)

            def __iter__(self) -> Iterator:
                for event in generation:
                    if event.type == "token" and event.index == at:
                        raise BackendError("The library has died.")
                    yield event

        return Wrapped()


def drive(coroutine):
    """Runs a coroutine that waits for nothing but its turn."""
    while True:
        try:
            coroutine.send(None)
        except StopIteration as end:
            return end.value


def answer(chain, prompt="Hello", state=None, **options):
    generation = chain.generate(prompt, state, **{"settings": GREEDY, "max_tokens": 12, **options})
    return list(generation), generation


def test_the_best_backend_comes_first():
    chain = Chain.load(FILE)
    assert chain.backend.name == "rwkv_cpp"
    assert chain.failures == []
    assert chain.model_name == "model.bin"


@pytest.mark.parametrize("name", ["rwkv_cpp", "python_rwkv", "mock"])
def test_a_single_backend(name):
    chain = Chain.load(FILE, name)
    assert chain.backend.name == name
    events, generation = answer(chain)
    assert events[-1].type == "token"
    assert generation.text


def test_another_preference_is_refused():
    with pytest.raises(ArgumentError, match=r"preference is 'torch'; it must be one of auto, "):
        Chain.load(FILE, "torch")


def test_a_backend_that_cannot_work_moves_on(broken):
    broken("rwkv_cpp", BackendError("No library."))
    chain = Chain.load(FILE)
    assert chain.backend.name == "python_rwkv"
    assert chain.failures == [Failure("rwkv_cpp", "No library.")]


def test_the_mock_is_last_and_needs_no_file(broken):
    broken("rwkv_cpp", BackendError("No library."))
    broken("python_rwkv", BackendError("No NumPy."))

    def chunks():
        raise AssertionError("the mock reads no file")

    chain = Chain.load(ModelFile("model.bin", None, chunks))
    assert chain.backend.name == chain.model_name == "mock"
    assert [failure.backend for failure in chain.failures] == ["rwkv_cpp", "python_rwkv"]


def test_a_single_backend_that_cannot_work_raises(broken):
    broken("rwkv_cpp", BackendError("No library."))
    with pytest.raises(BackendError, match="No library"):
        Chain.load(FILE, "rwkv_cpp")


def test_an_unsupported_model_moves_on_to_python(broken):
    broken("rwkv_cpp", UnsupportedModelError("Too strange."))
    chain = Chain.load(FILE)
    assert chain.backend.name == "python_rwkv"
    assert chain.failures == [Failure("rwkv_cpp", "Too strange.")]


@pytest.mark.parametrize(
    ("cpp", "python"),
    [
        (UnsupportedModelError("Too strange."), UnsupportedModelError("Too strange.")),
        (UnsupportedModelError("Too strange."), BackendError("No NumPy.")),
        (BackendError("No library."), UnsupportedModelError("Too strange.")),
    ],
)
def test_an_unsupported_model_never_becomes_a_mock(broken, cpp, python):
    broken("rwkv_cpp", cpp)
    broken("python_rwkv", python)
    with pytest.raises(UnsupportedModelError, match="Too strange"):
        Chain.load(FILE)


@pytest.mark.parametrize("data", [b"", b"GIF89a", DATA[:-1], DATA[:100]])
def test_a_bad_file_raises(data):
    with pytest.raises(ModelFormatError):
        Chain.load(ModelFile.from_bytes("bad.bin", data))


def test_a_model_over_the_limit_raises():
    with pytest.raises(MemoryBudgetError):
        Chain.load(FILE, memory_limit_mb=0.1)


def test_a_failed_load_leaves_the_old_chain_in_use():
    chain = Chain.load(FILE)
    _, first = answer(chain)
    with pytest.raises(ModelFormatError):
        Chain.load(ModelFile.from_bytes("bad.bin", b"GIF89a"))
    _, again = answer(chain)
    assert again.text == first.text
    assert chain.backend.name == "rwkv_cpp"


def test_a_file_that_ends_too_early():
    with pytest.raises(DownloadError, match=rf"Only 1000 of the {len(DATA)} bytes of model\.bin"):
        Chain.load(ModelFile("model.bin", len(DATA), lambda: [DATA[:1000]]))


def test_a_broken_download():
    def chunks():
        yield DATA[:1000]
        raise ConnectionResetError("the line went dead")

    with pytest.raises(DownloadError, match=r"model\.bin cannot be read whole: the line went dead"):
        Chain.load(ModelFile("model.bin", len(DATA), chunks))


def test_progress():
    seen = []
    pieces = [DATA[begin : begin + 50_000] for begin in range(0, len(DATA), 50_000)]
    file = ModelFile("model.bin", len(DATA), lambda: pieces)
    Chain.load(file, progress=lambda done, total: seen.append((done, total)))
    assert seen[0] == (50_000, len(DATA))
    assert seen[-1] == (len(DATA), len(DATA))


def test_what_progress_raises_ends_the_load():
    class EnoughError(Exception):
        pass

    def progress(done, total):
        raise EnoughError

    with pytest.raises(EnoughError):
        Chain.load(FILE, progress=progress)


def test_loading_asynchronously():
    async def chunks():
        for begin in range(0, len(DATA), 50_000):
            await asyncio.sleep(0)
            yield DATA[begin : begin + 50_000]

    file = ModelFile("model.bin", len(DATA), chunks)
    chain = drive(Chain.load_async(file))
    assert answer(chain)[1].text == answer(Chain.load(FILE))[1].text
    with pytest.raises(ArgumentError, match="load_async"):
        Chain.load(file)


def test_a_state_goes_on():
    chain = Chain.load(FILE)
    _, first = answer(chain, "One, two, ")
    _, second = answer(chain, "three", first.state)
    assert second.state.text == "One, two, " + first.text + "three" + second.text
    assert second.total_tokens == first.context_tokens + second.context_tokens
    assert second.state.context_tokens == second.total_tokens


def test_a_dying_backend_is_replaced_and_the_answer_starts_again():
    chain = Chain.load(FILE)
    expected = answer(Chain.load(FILE, "python_rwkv"))[1].text
    Dying(chain, at=3)
    events, generation = answer(chain)
    kinds = [event.type for event in events]
    at = kinds.index("fallback")
    assert events[at] == Fallback("python_rwkv", Failure("rwkv_cpp", "The library has died."))
    assert kinds[at + 1] == "prompt"
    after = [event.text for event in events[at:] if event.type == "token"]
    assert "".join(after) == generation.text == expected
    assert chain.backend.name == "python_rwkv"
    assert chain.failures == [Failure("rwkv_cpp", "The library has died.")]


def test_after_a_fallback_the_whole_text_is_read_again():
    chain = Chain.load(FILE)
    _, first = answer(chain, "One, two, ")
    Dying(chain, at=0)
    _, second = answer(chain, "three", first.state)
    whole = "One, two, " + first.text + "three"
    assert second.text == answer(Chain.load(FILE, "python_rwkv"), whole)[1].text
    assert second.state.text == whole + second.text
    assert second.total_tokens == second.context_tokens


def test_two_deaths_lead_to_the_mock(broken):
    broken("python_rwkv", BackendError("No NumPy."))
    chain = Chain.load(FILE)
    Dying(chain, at=2)
    _, generation = answer(chain)
    assert generation.text.startswith(" [mock]")
    assert [failure.backend for failure in chain.failures] == ["rwkv_cpp", "python_rwkv"]


def test_a_single_backend_that_dies_raises():
    chain = Chain.load(FILE, "rwkv_cpp")
    Dying(chain, at=2)
    with pytest.raises(BackendError, match="has died"):
        answer(chain)


def test_a_file_that_cannot_be_read_again_leads_to_the_mock():
    async def chunks():
        yield DATA

    chain = drive(Chain.load_async(ModelFile("model.bin", None, chunks)))
    Dying(chain, at=2)
    _, generation = answer(chain)
    assert chain.backend.name == "mock"
    assert "comes asynchronously" in chain.failures[1].reason
    assert generation.text.startswith(" [mock]")


def test_cancelling():
    chain = Chain.load(FILE)
    generation = chain.generate("Hello", settings=GREEDY, max_tokens=100)
    for event in generation:
        if event.type == "token" and event.index == 3:
            generation.cancel()
    assert generation.stop_reason == "cancelled"
    assert generation.state.text == "Hello" + generation.text


def test_a_position_before_the_prompt_is_read():
    chain = Chain.load(FILE)
    generation = chain.generate("x" * 500, settings=GREEDY)
    next(iter(generation))
    assert not generation.prompt_read
    assert generation.state.text == ""


def test_arguments_are_checked_at_once():
    with pytest.raises(ArgumentError, match="max_tokens is -2"):
        Chain.load(FILE).generate("Hello", max_tokens=-2)


def test_a_closed_chain():
    chain = Chain.load(FILE)
    chain.close()
    chain.close()
    with pytest.raises(ArgumentError, match=r"The chain of model\.bin is closed"):
        chain.generate("Hello")


def test_numpy_missing_is_a_backend_error(monkeypatch):
    import sys

    for name in [name for name in sys.modules if name.startswith("deep_tree_echo.backends.")]:
        if name.endswith("rwkv_cpp") or ".python_rwkv" in name:
            monkeypatch.delitem(sys.modules, name)
    for name in ("model", "core", "state", "tokenizer"):
        monkeypatch.delitem(sys.modules, f"deep_tree_echo.{name}", raising=False)
    monkeypatch.setitem(sys.modules, "numpy", None)
    for name in ("rwkv_cpp", "python_rwkv"):
        with pytest.raises(BackendError, match=f"^{name} needs NumPy, which could not be loaded"):
            module.backend_class(name)


def test_the_head_is_requantised_where_asked():
    data = random_model_bytes("7.0", n_vocab=4000, n_layer=1)
    plain, small = (
        Chain.load(ModelFile("model.bin", len(data), lambda: [data], head))
        for head in (None, "Q8_0")
    )
    weights = [chain.backend.description["weight_bytes"] for chain in (plain, small)]
    assert weights[0] - weights[1] == 4000 * 64 // 32 * (32 * 4 - 34)
    with pytest.raises(ArgumentError, match="head is 'Q3_0'"):
        Chain.load(ModelFile("model.bin", len(data), lambda: [data], "Q3_0"))
