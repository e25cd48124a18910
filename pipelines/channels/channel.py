"""What every channel does, and how it says that a message did not go out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True)
class Parcel:
    """One message to one recipient.

    Attributes:
        message_id: the same each time that it is sent, so that receivers can drop doubles.
        address: the recipient's, for this channel.
        recipient_id: whose key signs a webhook.
        xml: the CAP message.
        about: plain values for programs: the alert's id, its level, the CAP identifier.
    """

    message_id: str
    address: str
    recipient_id: str
    language: str
    subject: str
    text: str
    xml: str
    about: dict[str, str]


class NotSentError(Exception):
    """A message did not go out. Its words never hold the address.

    Args:
        says: what happened.
        permanent: whether another try would meet the same.
    """

    def __init__(self, says: str, *, permanent: bool = False) -> None:
        super().__init__(says)
        self.permanent = permanent


class Carrier(Protocol):
    """Sends by one channel."""

    def send(self, parcel: Parcel) -> None:
        """Send it now.

        Raises:
            NotSentError: it did not go out, as far as one can know.
        """
