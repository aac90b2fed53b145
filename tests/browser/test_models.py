"""Other models: from disk, from an address, and what goes wrong with either."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.random_models import random_model_bytes

from .conftest import BOOT_MS, figures, open_inside, say, wait_answer
from .elsewhere import Elsewhere

BUNDLED = "echo-1m-FP16.bin"
SOUND = random_model_bytes("7.0", n_embed=64, n_layer=2, seed=3)


@pytest.fixture(autouse=True)
def bundled(page: Page) -> None:
    """Every test begins with the bundled model."""
    if page.locator("[data-part=model]").inner_text() != BUNDLED:
        open_inside(page, "Model")
        page.get_by_role("button", name="Back to the bundled model").click()
        expect(page.locator("[data-part=model]")).to_have_text(BUNDLED, timeout=BOOT_MS)


def give_file(page: Page, path: Path) -> None:
    """Picks a file in the model view."""
    open_inside(page, "Model")
    page.locator("echo-model input[type=file]").set_input_files(path)


def give_address(page: Page, address: str) -> None:
    """Asks the model view for an address."""
    open_inside(page, "Model")
    page.get_by_label("Address of a model file").fill(address)
    page.get_by_role("button", name="Fetch").click()


def expect_refused(page: Page, *words: str) -> None:
    """One sentence with these words, and the bundled model goes on working."""
    problem = page.locator("#load-problem p")
    problem.wait_for(timeout=BOOT_MS)
    sentence = problem.inner_text()
    for word in words:
        assert word in sentence
    assert sentence.endswith(".")
    assert "Traceback" not in sentence
    page.get_by_role("button", name="Dismiss").click()
    expect(page.locator("[data-part=model]")).to_have_text(BUNDLED)
    answers = page.get_by_role("article", name="Answer").count()
    say(page, "Hello")
    wait_answer(page, answers + 1)
    assert "rwkv_cpp · echo-1m-FP16.bin" in figures(page, answers + 1)


def header(n_vocab: int, n_embed: int, n_layer: int, kind: int = 1) -> bytes:
    """The first bytes of a model file."""
    return struct.pack("<6I", 0x67676D66, 101, n_vocab, n_embed, n_layer, kind)


@pytest.mark.parametrize("architecture", ["4.0", "5.2", "6.0", "7.0"])
def test_a_file_from_disk_loads(page: Page, tmp_path: Path, architecture: str) -> None:
    path = tmp_path / "mine.bin"
    path.write_bytes(random_model_bytes(architecture, n_embed=64, n_layer=2, seed=3))
    give_file(page, path)
    expect(page.locator("[data-part=model]")).to_have_text("mine.bin", timeout=BOOT_MS)
    say(page, "Hello")
    wait_answer(page)
    assert "rwkv_cpp · mine.bin" in figures(page)
    expect(page.locator("echo-model")).to_contain_text(f"RWKV {architecture}")
    open_inside(page, "State")
    expect(page.get_by_role("application", name="State of all heads")).to_be_visible()


def test_a_file_dropped_on_the_page_loads(page: Page) -> None:
    data = random_model_bytes("7.0", n_embed=64, n_layer=2, seed=4)
    transfer = page.evaluate_handle(
        """(bytes) => {
          const transfer = new DataTransfer();
          transfer.items.add(new File([Uint8Array.from(bytes)], "dropped.bin"));
          return transfer;
        }""",
        list(data),
    )
    page.dispatch_event("body", "drop", {"dataTransfer": transfer})
    expect(page.locator("[data-part=model]")).to_have_text("dropped.bin", timeout=BOOT_MS)
    say(page, "Hello")
    wait_answer(page)
    assert "rwkv_cpp · dropped.bin" in figures(page)


def test_bad_files_are_refused_in_one_sentence(page: Page, tmp_path: Path) -> None:
    middle = len(SOUND) // 2
    big = header(65536, 4096, 32)
    cases: dict[str, tuple[bytes, int]] = {
        "foreign.bin": (b"\x89PNG\r\n\x1a\n" + bytes(4000), 0),
        "truncated.bin": (SOUND[:middle], 0),
        "oversized.bin": (SOUND + bytes(1000), 0),
        "flipped.bin": (SOUND[:40] + bytes([SOUND[40] ^ 0x7F]) + SOUND[41:], 0),
        "rows.bin": (header(1 << 31, 64, 2) + SOUND[24:], 0),
        "empty.bin": (b"", 0),
        "budget.bin": (big, 15_000_000_000),
    }
    for name, (data, size) in cases.items():
        path = tmp_path / name
        path.write_bytes(data)
        if size:
            # A hole costs no disk; the header alone must be enough to refuse it.
            with path.open("r+b") as file:
                file.truncate(size)
        give_file(page, path)
        words = ("MB",) if name == "budget.bin" else ()
        expect_refused(page, *words)


def test_a_model_from_an_address_is_kept_and_can_be_deleted(
    page: Page, elsewhere: Elsewhere
) -> None:
    elsewhere.files["mine.bin"] = SOUND
    give_address(page, f"{elsewhere.url}good/mine.bin")
    expect(page.locator("[data-part=model]")).to_have_text("mine.bin", timeout=BOOT_MS)
    kept = page.locator("echo-model").get_by_role("button", name="mine.bin", exact=False).first
    expect(kept).to_be_visible()
    fetched = len(elsewhere.requests)
    page.get_by_role("button", name="Back to the bundled model").click()
    expect(page.locator("[data-part=model]")).to_have_text(BUNDLED, timeout=BOOT_MS)
    kept.click()
    expect(page.locator("[data-part=model]")).to_have_text("mine.bin", timeout=BOOT_MS)
    assert len(elsewhere.requests) == fetched
    page.get_by_role("button", name="Delete mine.bin").click()
    expect(page.get_by_text("Kept on this machine", exact=True)).to_have_count(0)


def test_addresses_that_fail(page: Page, elsewhere: Elsewhere) -> None:
    elsewhere.files["mine.bin"] = SOUND
    elsewhere.files["flipped.bin"] = SOUND[:40] + bytes([SOUND[40] ^ 0x7F]) + SOUND[41:]
    for address, word in {
        f"{elsewhere.url}good/missing.bin": "answered 404 for missing.bin",
        f"{elsewhere.url}dropped/mine.bin": "The connection broke after",
        f"{elsewhere.url}web-page/mine.bin": "is a web page, not a model file",
        f"{elsewhere.url}no-cors/mine.bin": "CORS",
        f"{elsewhere.url}good/flipped.bin": "",
        "mine.bin": "is not an address",
        "ftp://example.org/mine.bin": "begins with ftp:",
    }.items():
        give_address(page, address)
        expect_refused(page, word)
    # A model over the budget is refused from its first bytes.
    elsewhere.files["big.bin"] = header(65536, 4096, 32)
    give_address(page, f"{elsewhere.url}endless/big.bin")
    expect_refused(page, "MB")
    # Nothing broken was kept.
    expect(page.get_by_text("Kept on this machine", exact=True)).to_have_count(0)


def test_a_download_can_be_cancelled(page: Page, elsewhere: Elsewhere) -> None:
    elsewhere.files["long.bin"] = SOUND * 20
    give_address(page, f"{elsewhere.url}slow/long.bin")
    expect(page.locator("echo-model .note")).to_contain_text("of", timeout=10_000)
    page.get_by_role("button", name="Cancel").click()
    expect(page.locator("echo-model .note")).to_have_count(0)
    say(page, "Hello")
    wait_answer(page)
    assert BUNDLED in figures(page)
