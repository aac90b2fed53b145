"""Kills the process of a tab in the middle of its writing, and looks at what is left."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from playwright.sync_api import BrowserContext, Error, Page, Playwright, Route

from tests.bench._browser import renderers

from .conftest import BOOT_MS, CHROMIUM, FLAGS, say, wait_ready
from .test_rough import SESSION

HALF = "half written"
# The n-th write to the disk after word was sent is cut in two, with all the time to die between.
CUT = f"""
{{
  const handle = FileSystemSyncAccessHandle.prototype, {{ write }} = handle;
  let left = 0;
  new BroadcastChannel("kills").onmessage = ({{ data }}) => (left = data);
  handle.write = function (data, options) {{
    if (left === 0 || --left > 0) return write.call(this, data, options);
    const half = data.byteLength >> 1;
    const bytes = new Uint8Array(data.buffer ?? data, data.byteOffset ?? 0, data.byteLength);
    write.call(this, bytes.subarray(0, half), options);
    console.log("{HALF}");
    for (const end = performance.now() + 20000; performance.now() < end; );
    return write.call(this, data, options);
  }};
}}
"""
TELL = f"""(writes) => {{
  new BroadcastChannel("kills").postMessage(writes);
  {SESSION}.addEventListener("change", () => {{
    const answer = {SESSION}.answering;
    if (answer?.text) window.shown(answer.id, answer.text);
  }});
}}"""
MESSAGES = f"{SESSION}.engine.store('talk', {{ talk: {SESSION}.talk.id }})"


@contextlib.contextmanager
def context_to_kill(playwright: Playwright, profile: Path) -> Iterator[BrowserContext]:
    """A browser whose storage stays in ``profile``, and whose writes can be cut in two."""
    context = playwright.chromium.launch_persistent_context(
        str(profile), executable_path=CHROMIUM, args=list(FLAGS), headless=True
    )
    context.route("**/assets/engine-*.js", _with_cut)
    try:
        yield context
    finally:
        context.close()


def _with_cut(route: Route) -> None:
    answer = route.fetch()
    route.fulfill(response=answer, body=f"{CUT}\n{answer.text()}")


class KilledTab:
    """Lets a tab answer and kills its process, as often as asked.

    Parameters
    ----------
    context : BrowserContext
        Of `context_to_kill`.
    profile : Path
        Its folder.
    address : str
        The page's.
    seed : int
        Decides when the tab is killed.
    """

    def __init__(self, context: BrowserContext, profile: Path, address: str, seed: int) -> None:
        self._context = context
        self._profile = profile
        self._address = address
        self._random = random.Random(seed)
        self._shown: dict[str, str] = {}
        """What was shown of each answer."""
        self._ended: dict[str, dict[str, Any]] = {}
        """What was in the store after an earlier kill, which no later one may change."""
        self._halves = 0
        self.n_cut = 0
        """Kills between the halves of a write."""
        context.expose_function("shown", self._show)
        self._page = self._opened(context.pages[0])

    def kill_once(self, *, cut: bool) -> None:
        """Asks, kills the tab while it answers, opens it again and checks what is there.

        Parameters
        ----------
        cut : bool
            It is killed between the halves of one of its writes; else at any moment.

        Raises
        ------
        AssertionError
            If anything that was shown is lost, or the file is damaged.
        """
        page, before, halves = self._page, len(self._shown), self._halves
        # An answer makes some hundred writes, and its state at the end many more.
        page.evaluate(TELL, self._random.randint(1, 300) if cut else 0)
        page.evaluate(f"{SESSION}.saveSettings({{ ...{SESSION}.settings, max_tokens: 60 }})")
        say(page, f"Tell me all about the number {before}")
        end = time.monotonic() + BOOT_MS / 1e3
        answering = f"{SESSION}.answering !== null"
        if cut:
            # The last answers may be over before so many writes.
            while self._halves == halves and page.evaluate(answering):
                page.wait_for_timeout(5)
                assert time.monotonic() < end, "the tab does not write"
            page.wait_for_timeout(50)
        else:
            while len(self._shown) == before and page.evaluate(answering):
                page.wait_for_timeout(1)
                assert time.monotonic() < end, "the tab does not answer"
            time.sleep(self._random.random() * 0.2)
        self.n_cut += self._halves > halves
        # The others are the browser's own, or wait for a page.
        os.kill(max(renderers(self._profile), key=_resident), signal.SIGKILL)
        self._page = self._context.new_page()
        with contextlib.suppress(Error):
            page.close()
        self._address = page.url
        self._opened(self._page)
        self.check()

    def _opened(self, page: Page) -> Page:
        page.on("console", self._hear)
        page.goto(self._address)
        wait_ready(page)
        # The process that was killed may hold the file a moment longer.
        kept = f"{SESSION}.engine.store('talks', {{}}).then((all) => all.length, () => -1)"
        page.wait_for_function(
            f"async (n) => {SESSION}.store.state.persistent && (await {kept}) >= n",
            arg=int(bool(self._ended)),
            timeout=BOOT_MS,
        )
        if self._shown:
            page.wait_for_function(f"{SESSION}.talk.leaf !== null", timeout=BOOT_MS)
        return page

    def _show(self, answer: str, text: str) -> None:
        self._shown[answer] = text

    def _hear(self, said: Any) -> None:
        self._halves += said.text == HALF

    def check(self) -> None:
        """Looks at what the page finds when it is opened again."""
        page = self._page
        assert page.evaluate(f"{SESSION}.engine.store('check', {{}})") == [["ok"]]
        messages = page.evaluate(MESSAGES)["messages"]
        for id, message in self._ended.items():
            assert messages[id] == message, f"{id} has changed"
        for id, shown in self._shown.items():
            message = messages[id]
            kept = message["text"]
            assert kept.startswith(shown.strip()), f"{shown!r} was shown, {kept!r} is there"
            assert message["status"] == "done", f"{message} after {shown!r} was shown"
        self._ended = messages


def _resident(process: int) -> int:
    """Pages of memory that a process holds."""
    return int(Path(f"/proc/{process}/statm").read_text().split()[1])
