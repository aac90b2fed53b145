"""The store of conversations: branching at 0.1B, ten thousand turns, programs and tabs killed."""

from __future__ import annotations

import statistics
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path

from deep_tree_echo import Chain, ModelFile, SamplingSettings
from deep_tree_echo.events import Token
from deep_tree_echo.store import ConversationStore, Said

from tests.bench._browser import serving, sync_playwright
from tests.bench._measure import keep
from tests.bench._models import SMALL, models
from tests.browser.conftest import SITE
from tests.browser.kills import KilledTab, context_to_kill
from tests.store.kills import KilledWriter

TURNS = 10_000
TALKS = 100
KILLS = 100


def main() -> None:
    """Measures and keeps the medians."""
    with tempfile.TemporaryDirectory() as folder:
        figures = branching(Path(folder) / "branch.db")
        figures |= many_turns(Path(folder) / "many.db")
        figures |= kills(Path(folder) / "kills.db")
        figures |= tab_kills(Path(folder) / "profile")
    for name, value in figures.items():
        print(f"  {name:44} {value:10.3f}", flush=True)
    keep(figures)


def milliseconds(work: Callable[[], object], rounds: int = 15) -> list[float]:
    """The time of each round, after one that does not count."""
    times = []
    for _ in range(rounds + 1):
        begin = time.perf_counter()
        work()
        times.append(1e3 * (time.perf_counter() - begin))
    return times[1:]


def described(name: str, times: list[float]) -> dict[str, float]:
    """The median and the best of some times."""
    return {f"store_{name}_ms": statistics.median(times), f"store_{name}_ms_best": min(times)}


def branching(path: Path) -> dict[str, float]:
    """From a state in the store to the first new token, each time as after a restart."""
    chain = Chain.load(ModelFile.from_path(models(SMALL, "Q8_0").bin))
    settings = SamplingSettings(seed=1)
    with ConversationStore.open(path) as store:
        chat = store.chat(store.create(), chain, settings=settings, max_tokens=40)
        list(chat.say("Tell me of the trees that echo."))
        answer = chat.messages[-1]

    def branch(name: str, n_tokens: int) -> None:
        with ConversationStore.open(path) as store:
            fresh = store.chat(chat.id, chain, settings=settings, max_tokens=4)
            begin, cpu = time.perf_counter(), time.process_time()
            events = fresh.branch(answer.id, n_tokens)
            next(event for event in events if isinstance(event, Token))
            times[f"{name}_cpu"].append(1e3 * (time.process_time() - cpu))
            times[name].append(1e3 * (time.perf_counter() - begin))
            list(events)

    times: dict[str, list[float]] = defaultdict(list)
    for _ in range(16):
        branch("branch_0.1B", 16)
        branch("branch_between_0.1B", 24)
    with ConversationStore.open(path) as store:
        model = chain.backend.model  # type: ignore[attr-defined]
        kept = store.states.at_end(answer.id, model)
        assert kept is not None
        reading = kept.reading
        times["state_read_0.1B"] = milliseconds(lambda: store.states.at_end(answer.id, model))
        times["state_keep_0.1B"] = milliseconds(
            lambda: store.states.keep(answer.id, -1, 0, 0, reading)
        )
        logits = int(reading.logits.nbytes)
        whole = reading.state.nbytes + logits
        (size,) = store.database.execute("SELECT max(bytes) FROM states")[0]
        assert isinstance(size, int)
    chain.close()
    figures = {"store_state_kept_vs_whole_0.1B": size / whole}
    for name, values in times.items():
        figures |= described(name, values[1:])
    return figures


def many_turns(path: Path) -> dict[str, float]:
    """What a store of ten thousand turns takes for what a door asks of it."""
    text = "Trees grow slowly, and the oldest of them are older than any book. " * 4
    with ConversationStore.open(path) as store:
        for talk in range(TALKS):
            with store.database.transaction():
                id, parent = store.create(f"Talk {talk}"), None
                for number in range(TURNS // TALKS):
                    question = store.add(id, parent, "user", f"Question {number} of talk {talk}?")
                    parent = store.add(id, question.id, "assistant", f"{text} word{number}").id
        assert parent is not None
    last = parent

    def add_and_take_away() -> None:
        store.delete_branch(store.add(id, last, "user", "And then?").id)

    figures = described(
        "open_10000_turns", milliseconds(lambda: ConversationStore.open(path).close())
    )
    with ConversationStore.open(path) as store:
        for name, work in (
            ("list", store.conversations),
            ("path", lambda: store.path(last)),
            ("tree", lambda: store.messages(id)),
            ("add_and_delete", add_and_take_away),
            ("search", lambda: store.search("oldest tree")),
            ("search_rare", lambda: store.search("word77")),
        ):
            figures |= described(f"{name}_10000_turns", milliseconds(work))
        answer = store.add(id, last, "assistant", "", status="streaming").id
        said = Said(5, 0.5, " tree")
        times = milliseconds(lambda: [store.said(answer, n, said) for n in range(1000)], 5)
        figures |= described("thousand_tokens", times)
    figures["store_10000_turns_mb"] = path.stat().st_size / 1e6
    return figures


def kills(path: Path) -> dict[str, float]:
    """Kills a program that writes; anything lost ends the benchmark."""
    writer = KilledWriter(path, seed=7)
    for _ in range(KILLS):
        writer.kill_once()
    return {"store_kills_survived": float(KILLS)}


def tab_kills(profile: Path) -> dict[str, float]:
    """Kills the process of a tab that answers, every second time between the halves of a write."""
    with (
        sync_playwright() as playwright,
        serving(SITE) as url,
        context_to_kill(playwright, profile) as context,
    ):
        tab = KilledTab(context, profile, url, seed=7)
        for number in range(KILLS):
            tab.kill_once(cut=number % 2 == 0)
    return {"store_tab_kills_survived": float(KILLS), "store_tab_kills_in_a_write": tab.n_cut}


if __name__ == "__main__":
    main()
