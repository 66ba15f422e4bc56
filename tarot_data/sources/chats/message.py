"""A message of a chat, as every reader of chats yields it."""

from dataclasses import dataclass
from datetime import datetime

NAMELESS = "\0"
"""A sender that starts with this is an account without a name: it keeps people apart, but names nobody."""


@dataclass(frozen=True)
class Message:
    """One message. sender: as the chat shows it; mine: sent by the reader, None if the chat does not say; time:
    China time or None; place: locator in the file; day: as written if it may be two days, else None; to: the sender whom its
    text mentions first (`@Mel …`), in a group."""

    sender: str
    text: str
    time: datetime | None
    place: str
    mine: bool | None = None
    day: str | None = None
    to: str | None = None
