"""A server's side of the lifespan protocol."""

from __future__ import annotations

from openviper import OpenViper
from openviper.http.asgi import Message


async def live(app: OpenViper) -> list[Message]:
    """Run the lifespan protocol once and return what the application said."""
    incoming: list[Message] = [{"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}]
    sent: list[Message] = []

    async def receive() -> Message:
        return incoming.pop(0)

    async def send(message: Message) -> None:
        sent.append(message)

    await app({"type": "lifespan"}, receive, send)
    return sent
