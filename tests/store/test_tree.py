"""The tree of a conversation against a plain one in memory."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path

import pytest
from deep_tree_echo.errors import ArgumentError
from deep_tree_echo.store import ConversationStore, export_file, import_file
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, multiple, rule

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=12)


@dataclass
class Node:
    id: str
    talk: str
    parent: str | None
    role: str
    text: str


class Tree(RuleBasedStateMachine):
    """A store, and what should be in it."""

    talks = Bundle("talks")
    messages = Bundle("messages")

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.path = Path(self.folder.name) / "chats.db"
        self.store = ConversationStore.open(self.path)
        self.names: dict[str, str] = {}
        self.leaves: dict[str, str | None] = {}
        self.nodes: dict[str, Node] = {}

    def teardown(self) -> None:
        self.store.close()
        self.folder.cleanup()

    def path_of(self, id: str | None) -> list[str]:
        ids = []
        while id is not None:
            ids.append(id)
            id = self.nodes[id].parent
        return ids[::-1]

    @rule(target=talks, name=TEXTS)
    def create(self, name: str) -> str:
        talk = self.store.create(name)
        self.names[talk], self.leaves[talk] = name.strip(), None
        return talk

    @rule(target=messages, talk=talks, text=TEXTS)
    def say_at_the_end(self, talk: str, text: str) -> object:
        if talk not in self.names:
            return multiple()
        return self.add(talk, self.leaves[talk], text)

    @rule(target=messages, parent=messages, text=TEXTS)
    def branch(self, parent: str, text: str) -> object:
        if parent not in self.nodes:
            return multiple()
        return self.add(self.nodes[parent].talk, parent, text)

    def add(self, talk: str, parent: str | None, text: str) -> str:
        role = "user" if len(self.path_of(parent)) % 2 == 0 else "assistant"
        id = self.store.add(talk, parent, role, text).id  # type: ignore[arg-type]
        self.nodes[id] = Node(id, talk, parent, role, text)
        self.leaves[talk] = id
        return id

    @rule(message=messages)
    def go_back(self, message: str) -> None:
        if message in self.nodes:
            self.store.select(message)
            self.leaves[self.nodes[message].talk] = message
        else:
            with pytest.raises(ArgumentError):
                self.store.select(message)

    @rule(talk=talks, name=TEXTS)
    def rename(self, talk: str, name: str) -> None:
        if talk in self.names:
            self.store.rename(talk, name)
            self.names[talk] = name.strip()
        else:
            with pytest.raises(ArgumentError):
                self.store.rename(talk, name)

    @rule(talk=consumes(talks))
    def delete(self, talk: str) -> None:
        self.store.delete(talk)
        self.names.pop(talk, None)
        self.leaves.pop(talk, None)
        self.nodes = {id: node for id, node in self.nodes.items() if node.talk != talk}

    @rule(message=consumes(messages))
    def delete_branch(self, message: str) -> None:
        if message not in self.nodes:
            return
        self.store.delete_branch(message)
        node = self.nodes[message]
        gone = {id for id in self.nodes if message in self.path_of(id)}
        if self.leaves[node.talk] in gone:
            self.leaves[node.talk] = node.parent
        self.nodes = {id: other for id, other in self.nodes.items() if id not in gone}

    @rule()
    def restart(self) -> None:
        self.store.close()
        self.store = ConversationStore.open(self.path)

    @rule(left=messages, right=messages)
    def compare(self, left: str, right: str) -> None:
        if left not in self.nodes or right not in self.nodes:
            return
        if self.nodes[left].talk != self.nodes[right].talk:
            with pytest.raises(ArgumentError):
                self.store.compare(left, right)
            return
        found = self.store.compare(left, right)
        one, other = self.path_of(left), self.path_of(right)
        assert [m.id for m in found.common + found.left] == one
        assert [m.id for m in found.common + found.right] == other
        assert not set(one[len(found.common) :]) & set(other)

    @rule()
    def move_to_another_store(self) -> None:
        file = self.path.with_name("all.chats")
        export_file(self.store, file)
        other = ConversationStore.open(None)
        import_file(other, file)
        assert other.conversations() == self.store.conversations()
        for talk in self.names:
            assert other.messages(talk) == self.store.messages(talk)
        copies = import_file(other, file)
        assert not set(copies) & set(self.names)
        assert len(other.conversations()) == 2 * len(self.names)
        other.close()

    @rule(word=st.from_regex(r"[a-z]{1,3}", fullmatch=True), talk=talks)
    def search(self, word: str, talk: str) -> None:
        if talk not in self.names:
            return
        message = self.add(talk, self.leaves[talk], f"a {word}tree")
        assert message in {found.message for found in self.store.search(f"{word}tre", limit=1000)}

    @invariant()
    def same(self) -> None:
        found = {record.id: record for record in self.store.conversations()}
        assert {id: record.name for id, record in found.items()} == self.names
        assert {id: record.leaf for id, record in found.items()} == self.leaves
        for talk in self.names:
            nodes = [node for node in self.nodes.values() if node.talk == talk]
            messages = self.store.messages(talk)
            assert [Node(m.id, m.conversation, m.parent, m.role, m.text) for m in messages] == nodes
            assert [m.id for m in self.store.path(self.leaves[talk])] == self.path_of(
                self.leaves[talk]
            )
            starts = [m.id for m in self.store.children(talk, None)]
            assert starts == [node.id for node in nodes if node.parent is None]


TestTree = Tree.TestCase
TestTree.settings = settings(stateful_step_count=25)


def test_a_very_long_talk() -> None:
    with ConversationStore.open(None) as store:
        talk = store.create()
        parent = None
        with store.database.transaction():
            for number in range(2500):
                role = "assistant" if number % 2 else "user"
                parent = store.add(talk, parent, role, str(number)).id  # type: ignore[arg-type]
        path = store.path(parent)
        assert [message.text for message in path] == [str(number) for number in range(2500)]
        store.delete_branch(path[1].id)
        assert [message.text for message in store.messages(talk)] == ["0"]
        store.delete(talk)
        assert store.conversations() == []


def test_searching() -> None:
    with ConversationStore.open(None) as store:
        talk = store.create()
        first = store.add(talk, None, "user", 'Die Bäume der Welt; "alt" AND (alt*) NEAR').id
        store.add(talk, first, "assistant", "Nothing of the kind.")
        assert [found.message for found in store.search("baume welt")] == [first]
        assert store.search("baume")[0].excerpt.count("\x02") == 1
        for text in ("", " ", '"', "AND", "a*", "()", "NEAR(", "-", "text:"):
            store.search(text)
        store.delete(talk)
        assert store.search("baume") == []
