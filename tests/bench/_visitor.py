"""Chromium as a visitor has it: nobody looks into its pages.

Playwright turns on DevTools' network domain, which keeps a copy of everything that a page fetches
in that page's own process: some 40 MB of a page with Pyodide. Here a browser is told by its
debugging pipe to evaluate scripts and nothing else, so that what its renderer holds is the page's.
"""

from __future__ import annotations

import json
import os
import subprocess
import time
from pathlib import Path
from types import TracebackType
from typing import Any

from tests.bench._browser import largest_renderer_mb
from tests.browser.conftest import CHROMIUM, DESK, FLAGS

POLL_SECONDS = 0.2

# Everything on the page, in the shadows of its elements too.
_FIND = """
const all = (root) => [...root.querySelectorAll("*")].flatMap(
  (element) => [element, ...(element.shadowRoot ? all(element.shadowRoot) : [])]);
const part = (name) => all(document).find((e) => e.dataset?.part === name)?.textContent ?? "";
const named = (tag, name) => all(document).find((e) => e.localName === tag && !e.disabled &&
  (e.getAttribute("aria-label") ?? e.textContent).trim().startsWith(name));
"""


class Visitor:
    """A browser with one page.

    Parameters
    ----------
    url : str
        The page.
    profile : Path
        Where the browser keeps its storage.
    """

    def __init__(self, url: str, profile: Path) -> None:
        self._profile = profile
        self._asked = 0
        self._arrived = b""
        to_browser, self._out = os.pipe()
        self._in, from_browser = os.pipe()
        size = f"--window-size={DESK['width']},{DESK['height']}"
        browser = [CHROMIUM, *FLAGS, "--headless=new", "--remote-debugging-pipe", size]
        browser += [f"--user-data-dir={profile}", "about:blank"]
        self._process = subprocess.Popen(
            # The pipe's ends have to be 3 and 4, which Python cannot say by itself.
            ["sh", "-c", f'exec "$@" 3<&{to_browser} 4>&{from_browser}', "sh", *browser],
            pass_fds=(to_browser, from_browser),
            stderr=subprocess.DEVNULL,
        )
        os.close(to_browser)
        os.close(from_browser)
        targets = self._ask("Target.getTargets")["targetInfos"]
        page = next(target["targetId"] for target in targets if target["type"] == "page")
        attached = self._ask("Target.attachToTarget", targetId=page, flatten=True)
        self._session: str = attached["sessionId"]
        self._ask("Page.navigate", self._session, url=url)

    def wait(self, condition: str, seconds: float = 180) -> None:
        """Waits until a JavaScript expression is true.

        It may use ``part(name)``, the text of a ``data-part``, and ``named(tag, name)``, the
        element with such a name that can be used.
        """
        end = time.monotonic() + seconds
        while not self._evaluate(f"!!({condition})"):
            if time.monotonic() > end:
                raise TimeoutError(f"After {seconds} s it is not so: {condition}")
            time.sleep(POLL_SECONDS)

    def click(self, name: str, tag: str = "button") -> None:
        """Waits for an element that can be clicked, and clicks it."""
        self.wait(f"(named({tag!r}, {json.dumps(name)})?.click(), !!named({tag!r}, {name!r}))")

    def fill(self, tag: str, name: str, text: str) -> None:
        """Writes into a field, found by its name or that of its label."""
        field = f"(named('label', {name!r})?.control ?? named({tag!r}, {name!r}))"
        self.wait(field)
        event = "new InputEvent('input', { bubbles: true, composed: true })"
        self._evaluate(f"({field}.value = {json.dumps(text)}, {field}.dispatchEvent({event}))")

    def memory_mb(self, what: str = "VmRSS") -> float:
        """``VmRSS`` (now) or ``VmHWM`` (the most) of the page's renderer, millions of bytes."""
        return largest_renderer_mb(self._profile, what)

    def _evaluate(self, expression: str) -> Any:
        code = f"(() => {{ {_FIND} return {expression}; }})()"
        answer = self._ask("Runtime.evaluate", self._session, expression=code, returnByValue=True)
        if "exceptionDetails" in answer:
            return None  # the page is on its way
        return answer["result"].get("value")

    def _ask(self, method: str, session: str | None = None, **parameters: Any) -> dict[str, Any]:
        self._asked += 1
        message = {"id": self._asked, "method": method, "params": parameters}
        if session:
            message["sessionId"] = session
        os.write(self._out, json.dumps(message).encode() + b"\0")
        while True:
            text, mark, rest = self._arrived.partition(b"\0")
            if not mark:
                piece = os.read(self._in, 1 << 16)
                if not piece:
                    raise EOFError(f"The browser ended before it answered {method}.")
                self._arrived += piece
                continue
            self._arrived = rest
            answer = json.loads(text)
            if answer.get("id") == self._asked:
                if "error" in answer:
                    raise RuntimeError(f"{method}: {answer['error']['message']}")
                return dict(answer["result"])

    def __enter__(self) -> Visitor:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            self._ask("Browser.close")
            self._process.wait(20)
        except (OSError, EOFError, RuntimeError, subprocess.TimeoutExpired):
            self._process.kill()
            self._process.wait()
        os.close(self._out)
        os.close(self._in)
