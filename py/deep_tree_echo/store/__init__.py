"""Conversations as trees of messages and states, kept in a database."""

from .archive import export_file, import_file
from .chat import Chat
from .conversations import ConversationStore
from .records import Comparison, ConversationRecord, Found, Message, Said

__all__ = [
    "Chat",
    "Comparison",
    "ConversationRecord",
    "ConversationStore",
    "Found",
    "Message",
    "Said",
    "export_file",
    "import_file",
]
