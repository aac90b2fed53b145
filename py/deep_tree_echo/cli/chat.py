"""``dte chat``: a conversation, with all its branches."""

from __future__ import annotations

import argparse
import contextlib
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING

from ..errors import ArgumentError, EchoError
from . import talking

if TYPE_CHECKING:
    from ..engine import CognitiveEngine
    from ..engine.passage import Ask
    from ..store import Chat, ConversationStore, Message

NAME = "chat"
SUMMARY = "talk with a model"

HELP = """\
/regenerate     another answer to the last message
/back [N]       go back N messages (1); what you write next is a branch there
/branch [N]     list the ends of all branches, or go to number N
/save FILE      write the conversation with its branches and states
/help, /quit    this list; leave (so does Ctrl-D)
Ctrl-C stops an answer; what was said of it counts."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describes what the command takes."""
    parser.add_argument("--store", metavar="FILE", help="keep conversations there")
    parser.add_argument("--name", default="chat", help="which conversation of the store (chat)")
    parser.add_argument(
        "--remember", action="store_true", help="recall what you have told, in every conversation"
    )
    talking.add_arguments(parser)


def run(arguments: argparse.Namespace) -> int:
    """Answers until the end of standard input."""
    from ..store import ConversationStore

    if sys.stdin.isatty():
        with contextlib.suppress(ImportError):
            import readline  # noqa: F401 - gives input() a history
    with ConversationStore.open(arguments.store) as store:
        engine = talking.open_engine(arguments, store, remembers=arguments.remember)
        try:
            talk = Talk(engine, store, arguments.name)
            talk.greet()
            for line in lines():
                try:
                    if not talk.take(line):
                        break
                except EchoError as error:
                    print(f"dte: {error}", file=sys.stderr)
        finally:
            engine.close()
    return 0


def lines() -> Iterator[str]:
    """What the user writes, line by line, until Ctrl-D."""
    while True:
        try:
            line = input("> " if sys.stdin.isatty() else "")
        except EOFError:
            if sys.stdin.isatty():
                print()
            return
        except KeyboardInterrupt:
            print("\n(Ctrl-D leaves)", file=sys.stderr)
            continue
        if line.strip():
            yield line.strip()


class Talk:
    """One conversation of the store on the command line.

    Parameters
    ----------
    engine : CognitiveEngine
        Who answers.
    store : ConversationStore
        The engine's.
    name : str
        The conversation, made if it is not there.
    """

    def __init__(self, engine: CognitiveEngine, store: ConversationStore, name: str) -> None:
        self._engine = engine
        self._store = store
        try:
            store.conversation(name)
        except ArgumentError:
            store.create(id=name)
        self._chat: Chat = store.chat(name, engine.chain)

    def greet(self) -> None:
        """Shows what was said before, and how to find out more."""
        for message in self._chat.messages:
            print(f"> {message.text}" if message.role == "user" else f"{message.text}\n")
        if sys.stdin.isatty():
            print(f"{self._engine.chain.model_name}; /help lists the commands.", file=sys.stderr)

    def take(self, line: str) -> bool:
        """Does what a line says; ``False`` after the last one.

        Raises
        ------
        EchoError
            If it cannot be done; the conversation is then as it was.
        """
        if not line.startswith("/"):
            self._answer(line)
            return True
        command, _, value = line[1:].partition(" ")
        value = value.strip()
        if command == "quit":
            return False
        if command == "help":
            print(HELP, file=sys.stderr)
        elif command == "regenerate":
            self._regenerate()
        elif command == "back":
            self._back(_count(value or "1"))
        elif command == "branch":
            self._branch(value)
        elif command == "save":
            self._save(value)
        else:
            raise ArgumentError(f"/{command} is no command; /help lists them.")
        return True

    def _answer(self, text: str, ask: Ask | None = None) -> None:
        from ..context import CognitiveContext

        context = CognitiveContext(self._chat.id, text)
        events = self._engine.process(context, chat=self._chat, ask=ask)
        with talking.stopped_by_ctrl_c(self._chat.stop):
            result = talking.show(events, lambda piece: print(piece, end="", flush=True))
        print()
        if sys.stdin.isatty():
            print(f"[{talking.figures(result)}]\n", file=sys.stderr)

    def _regenerate(self) -> None:
        asked = [message for message in self._chat.messages if message.role == "user"]
        if not asked:
            raise ArgumentError("The conversation is empty; write a message first.")
        self._answer(asked[-1].text, lambda preface: self._chat.regenerate())

    def _back(self, n_turns: int) -> None:
        asked = [message for message in self._chat.messages if message.role == "user"]
        if n_turns > len(asked):
            raise ArgumentError(f"/back {n_turns} goes too far; there are {len(asked)} messages.")
        before = asked[-n_turns].parent
        if before is None:
            self._store.to_beginning(self._chat.id)
        else:
            self._store.select(before)
        print(f"(before: {_short(asked[-n_turns].text)})", file=sys.stderr)

    def _branch(self, value: str) -> None:
        messages = self._store.messages(self._chat.id)
        followed = {message.parent for message in messages}
        ends: list[Message] = [message for message in messages if message.id not in followed]
        if not value:
            for number, end in enumerate(ends, 1):
                mark = "*" if end.id == self._chat.leaf else " "
                print(f"{mark} {number}: {_short(end.text)}", file=sys.stderr)
            return
        number = _count(value)
        if number > len(ends):
            raise ArgumentError(f"/branch {number} is not there; there are {len(ends)} branches.")
        self._store.select(ends[number - 1].id)
        self.greet()

    def _save(self, path: str) -> None:
        from ..store import export_file

        if not path:
            raise ArgumentError("/save needs the name of a file after it.")
        export_file(self._store, path, [self._chat.id])
        print(f"(saved in {path})", file=sys.stderr)


def _count(word: str) -> int:
    if not word.isdecimal() or int(word) < 1:
        raise ArgumentError(f"{word!r} is no number of at least 1.")
    return int(word)


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= 60 else f"{line[:59]}…"
