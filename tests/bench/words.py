"""Words as doors, at 0.1B: what recording takes a token, and how soon a branch speaks on the page.

The page is the site as it was built, in Chromium, driven as a visitor drives it: from the choice of
a word to the first token after it, worker, event and drawing of the page's own data included.
"""

from __future__ import annotations

import statistics

from playwright.sync_api import Page, sync_playwright

from tests.bench._browser import serving
from tests.bench._engines import in_both
from tests.bench._measure import keep
from tests.bench._models import SMALL, models
from tests.browser.conftest import BOOT_MS, CHROMIUM, FLAGS, SITE

ROUNDS = 12
ANSWER = 96
READY, SUDDEN = "ready", "sudden"

CHOOSE = """async (ready) => {
  const { session } = document.querySelector("echo-app");
  const old = session.talk.messages[session.talk.leaf];
  const at = 16 + Math.floor(Math.random() * (old.words.length - 16));
  const other = old.words[at][3][0];
  // What the page does while somebody looks at a word.
  if (ready) await session.replay.prepare(old, at);
  const begun = performance.now();
  session.answers.branchAt(old, at, other);
  const answer = session.talk.messages[session.talk.leaf];
  const kept = answer.words?.length ?? 0;
  const grown = (more) => new Promise((resolve) => {
    const look = () => {
      if ((answer.words?.length ?? 0) >= at + more || answer.status === "failed") {
        resolve(performance.now() - begun);
      } else setTimeout(look, 0);
    };
    look();
  });
  const chosen = await grown(1);
  const next = await grown(2);
  session.answers.stop();
  while (session.answering) await new Promise((resolve) => setTimeout(resolve, 5));
  session.showBranch(old);
  await new Promise((resolve) => setTimeout(resolve, 50));
  return { chosen, next, failed: answer.status === "failed" ? answer.problem : "" };
}"""


def branches(page: Page) -> dict[str, list[dict[str, float]]]:
    """Branches where the state is ready, and where it must be reached first, in turns."""
    found: dict[str, list[dict[str, float]]] = {READY: [], SUDDEN: []}
    for _ in range(ROUNDS):
        for name in (READY, SUDDEN):
            result = page.evaluate(CHOOSE, name == READY)
            assert not result["failed"], result["failed"]
            found[name].append(result)
    return found


def main() -> None:
    """Measures and keeps the figures."""
    figures = in_both("tests.bench._words", "words")
    pair = models(SMALL, "Q8_0")
    with sync_playwright() as playwright, serving(SITE) as url:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
        page = browser.new_page()
        page.goto(url)
        page.locator("[data-part=backend]").wait_for(timeout=BOOT_MS)
        page.get_by_role("button", name="Inside", exact=True).click()
        page.get_by_role("tab", name="Model").click()
        page.locator("echo-model input[type=file]").set_input_files(pair.bin)
        page.get_by_text("0.1B-Q8_0.bin").first.wait_for(timeout=10 * BOOT_MS)
        page.get_by_role("button", name="Close Inside").click()
        rate = page.evaluate(
            """async (most) => {
              const { session } = document.querySelector("echo-app");
              while (session.loaded.model !== "0.1B-Q8_0.bin")
                await new Promise((resolve) => setTimeout(resolve, 100));
              session.settings = { ...session.settings, max_tokens: most, temperature: 0 };
              session.answers.send("Hello");
              while (session.answering) await new Promise((resolve) => setTimeout(resolve, 50));
              return session.talk.messages[session.talk.leaf].figures.tokens_per_second;
            }""",
            ANSWER,
        )
        figures["words_page_tokens_per_second"] = rate
        for name, times in branches(page).items():
            for part in ("chosen", "next"):
                ms = sorted(result[part] for result in times[2:])
                figures[f"words_branch_{name}_{part}_ms"] = statistics.median(ms)
                figures[f"words_branch_{name}_{part}_ms_min"] = ms[0]
                figures[f"words_branch_{name}_{part}_ms_max"] = ms[-1]
        browser.close()
    figures["words_record_share_of_decode"] = figures["words_record_us_wasm"] * rate / 1e6
    for name, value in figures.items():
        print(f"  {name:40} {value:10.3f}", flush=True)
    keep(figures)


if __name__ == "__main__":
    main()
