"""A large embedding stays outside of memory: in the kept file, or in a private copy."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, ViewportSize, expect

from tests.random_models import random_model_bytes

from .conftest import BOOT_MS, DESK, open_inside, say, wait_answer
from .elsewhere import Elsewhere
from .test_memory import SESSION, show_memory
from .test_models import BUNDLED, give_address

N_VOCAB, N_EMBED = 65_536, 256
EMBEDDING = 2 * N_VOCAB * N_EMBED
COPIES = """async (expected) => {
  const root = await navigator.storage.getDirectory();
  const names = [];
  try {
    const folder = await root.getDirectoryHandle("embeddings");
    for await (const name of folder.keys()) names.push(name);
  } catch {}
  return names.length === expected;
}"""


@pytest.fixture(scope="module")
def data() -> bytes:
    """A model whose FP16 embedding takes 33.6 MB."""
    return random_model_bytes(
        "7.0", n_vocab=N_VOCAB, n_embed=N_EMBED, n_layer=1, type="FP16", seed=3
    )


@pytest.fixture
def path(tmp_path: Path, data: bytes) -> Path:
    file = tmp_path / "wide.bin"
    file.write_bytes(data)
    return file


@pytest.fixture(autouse=True)
def bundled(page: Page) -> None:
    """Every test begins with the bundled model and asks no questions."""
    page.evaluate(f"{SESSION}.models.setRoundHeads(false)")
    use_bundled(page)


def use_bundled(page: Page) -> None:
    if page.locator("[data-part=model]").inner_text() != BUNDLED:
        open_inside(page, "Model")
        page.get_by_role("button", name="Back to the bundled model").click()
        expect(page.locator("[data-part=model]")).to_have_text(BUNDLED, timeout=BOOT_MS)


def pick(page: Page, path: Path) -> None:
    open_inside(page, "Model")
    page.locator("echo-model input[type=file]").set_input_files(path)
    page.get_by_role("button", name="Load", exact=True).click()
    expect(page.locator("[data-part=model]")).to_have_text("wide.bin", timeout=BOOT_MS)


def copies(page: Page, number: int) -> None:
    """Waits until there are so many private copies."""
    page.wait_for_function(COPIES, arg=number)


def answer(page: Page, number: int = 1) -> str:
    """What the model says to a greeting, always the same."""
    settings = f"{{ ...{SESSION}.settings, seed: 7, max_tokens: 12 }}"
    page.evaluate(f"{SESSION}.saveSettings({settings})")
    say(page, "Hello, how are you today?")
    return wait_answer(page, number)


def weights(page: Page) -> dict[str, Any]:
    page.evaluate(f"{SESSION}.memory.ask()")
    entries = page.evaluate(f"{SESSION}.memory.report.entries")
    return next(entry for entry in entries if entry["kind"] == "weights")


def test_of_a_picked_file_by_a_copy(page: Page, path: Path) -> None:
    page.evaluate(f"{SESSION}.memory.ask()")
    pick(page, path)
    copies(page, 1)
    held = weights(page)
    assert held["name"] == "wide.bin, without 34 MB of embedding read from the file"
    data = path.read_bytes()
    path.unlink()
    outside = answer(page)
    use_bundled(page)
    copies(page, 0)

    # Where there is no room for a copy it is in memory, and the model says the same.
    path.write_bytes(data)
    session = page.context.new_cdp_session(page)
    origin = page.evaluate("location.origin")
    session.send("Storage.overrideQuotaForOrigin", {"origin": origin, "quotaSize": 1_000_000})
    pick(page, path)
    session.send("Storage.overrideQuotaForOrigin", {"origin": origin})
    copies(page, 0)
    inside = weights(page)
    assert inside["name"] == "wide.bin"
    assert inside["n_bytes"] - held["n_bytes"] == EMBEDDING
    page.get_by_role("button", name="New chat").click()
    assert answer(page) == outside


def test_of_a_kept_file_where_it_is(page: Page, data: bytes, elsewhere: Elsewhere) -> None:
    elsewhere.files["wide.bin"] = data
    address = f"{elsewhere.url}good/wide.bin"
    give_address(page, address)
    expect(page.locator("[data-part=model]")).to_have_text("wide.bin", timeout=BOOT_MS)
    copies(page, 0)
    assert "without 34 MB of embedding" in weights(page)["name"]
    assert answer(page)
    page.set_viewport_size(ViewportSize(width=390, height=844))
    show_memory(page)
    page.get_by_role("button", name="Weights").click()
    expect(page.locator("[data-detail=weights]")).to_contain_text("embedding read from the file")
    wide = "document.documentElement.scrollWidth > document.documentElement.clientWidth"
    assert not page.evaluate(wide)
    page.set_viewport_size(DESK)
    open_inside(page, "Model")

    # It can neither go nor be replaced for as long as the model is in use.
    problem = page.locator("#load-problem p")
    for act, ending in (
        (lambda: page.get_by_role("button", name="Delete wide.bin").click(), "then delete it."),
        (lambda: give_address(page, address), "then fetch it again."),
    ):
        act()
        expect(problem).to_have_text(
            "wide.bin is in use, here or in another tab, and its embedding is read from it; load "
            f"another model there, {ending}"
        )
        page.get_by_role("button", name="Dismiss").click()
    assert answer(page, 2)

    use_bundled(page)
    page.get_by_role("button", name="Delete wide.bin").click()
    expect(page.get_by_text("Kept on this machine", exact=True)).to_have_count(0)
