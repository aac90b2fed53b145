"""A program that talks until it is killed, and tells what it has shown.

``python -m tests.store.writer FILE`` prints one JSON line for each token after it was given:
the answer's id, and how many tokens it has.
"""

from __future__ import annotations

import json
import sys
from itertools import count

from deep_tree_echo import Chain, ModelFile, SamplingSettings
from deep_tree_echo.events import Token
from deep_tree_echo.platform import bundled_model_path
from deep_tree_echo.store import ConversationStore


def main(path: str) -> None:
    chain = Chain.load(ModelFile.from_path(bundled_model_path()))
    store = ConversationStore.open(path, states_mb=4)
    chat = store.chat(
        store.create(),
        chain,
        settings=SamplingSettings(seed=1),
        max_tokens=40,
        snapshot_tokens=4,
    )
    for number in count():
        tokens = 0
        for event in chat.say(f"Tell me of tree number {number}."):
            if isinstance(event, Token):
                tokens += 1
                print(json.dumps([chat.answer_id, tokens]), flush=True)


if __name__ == "__main__":
    main(sys.argv[1])
