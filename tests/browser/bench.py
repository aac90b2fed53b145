"""What the tests of the laboratory have in common."""

from __future__ import annotations

import struct
import xml.etree.ElementTree as ET
import zlib
from pathlib import Path

from playwright.sync_api import Locator, Page, expect

from .conftest import BOOT_MS, DESK

SVG = "{http://www.w3.org/2000/svg}"
WIDE = "document.documentElement.scrollWidth > document.documentElement.clientWidth"


def go(page: Page, section: str) -> None:
    """Goes to a section and waits for what it shows first."""
    page.evaluate(f"location.hash = '#/laboratory/{section}'")
    first = {
        "reservoir": "echo-spectrum",
        "membranes": "echo-membrane-view",
        "trees": "echo-tree-gallery",
    }
    page.locator(first[section]).wait_for(timeout=BOOT_MS)


def at_squares(page: Page) -> Page:
    """The page at square numbers, at the start, on a desk in the light."""
    page.set_viewport_size(DESK)
    page.emulate_media(color_scheme="light", reduced_motion="no-preference")
    go(page, "membranes")
    page.get_by_role("button", name="Square numbers").click()
    expect(state(page)).to_contain_text("At the start")
    return page


def state(page: Page) -> Locator:
    return page.locator("echo-lab-membranes .state")


def step(page: Page) -> None:
    page.get_by_role("button", name="Step", exact=True).click()


def run(page: Page) -> None:
    page.get_by_role("button", name="Run to the end").click()


def saved(page: Page, group: str, button: str, tmp_path: Path) -> tuple[str, bytes]:
    """The name and the bytes of a file that is saved."""
    with page.expect_download() as waiting:
        page.get_by_role("group", name=group, exact=True).get_by_role(
            "button", name=button, exact=True
        ).click()
    path = tmp_path / waiting.value.suggested_filename
    waiting.value.save_as(path)
    return path.name, path.read_bytes()


def check_svg(data: bytes, title: str) -> ET.Element:
    """A drawing that stands for itself: background, title, source, no need of a style sheet."""
    root = ET.fromstring(data)
    assert root.tag == f"{SVG}svg"
    assert title in (root.findtext(f"{SVG}title") or "")
    assert b"dc:source" in data
    assert b"Deep Tree Echo" in data
    background = root.find(f"{SVG}rect")
    assert background is not None
    assert background.get("fill", "").startswith("#")
    assert not [node for node in root.iter() if node.get("class") or node.get("style")]
    assert b"color(" not in data
    assert b"var(" not in data
    return root


def check_png(data: bytes, title: str) -> None:
    """A sound PNG with its title and source as texts."""
    assert data.startswith(b"\x89PNG\r\n\x1a\n")
    texts, at = {}, 8
    while at < len(data):
        (length,) = struct.unpack(">I", data[at : at + 4])
        kind, body = data[at + 4 : at + 8], data[at + 8 : at + 8 + length]
        (checksum,) = struct.unpack(">I", data[at + 8 + length : at + 12 + length])
        assert zlib.crc32(kind + body) == checksum
        if kind == b"iTXt":
            key, _, rest = body.partition(b"\0")
            texts[key.decode()] = rest[4:].decode()
        at += 12 + length
    assert title in texts["Title"]
    assert "Deep Tree Echo" in texts["Source"]
    assert texts["Description"]
