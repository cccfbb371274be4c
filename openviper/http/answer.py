"""The answer to one request on its way to the server, and how far it is."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextvars import Token
from typing import TypeAlias

from openviper.core.context import Exchange, current_exchange
from openviper.http.asgi import Message, Receive, Scope, Send
from openviper.http.request import Request
from openviper.utils.datastructures import RawHeaders

Finish: TypeAlias = "Callable[[Answer, RawHeaders], RawHeaders]"
"""Returns the headers of an answer, given those that it has set itself."""
BeforeStart: TypeAlias = "Callable[[int, RawHeaders], Awaitable[RawHeaders]]"
"""Is awaited with the status and the headers of an answer before its head is sent, and returns the headers to send."""


class Answer(Exchange):
    """What the messages of an answer go through, and what is known of the request meanwhile.

    The attributes have their first values in the class, so that a request pays for those only that it changes, and there is
    no `__init__`, which would cost it as much as three middlewares; `begun` fills in what has to be there.

    Attributes:
        scope: The ASGI scope of the request.
        receive: Where its body comes from.
        is_started: Whether its head is sent.
        status: The status, once the head is sent.
        finish: Completes the headers when the head is sent.
        before: What has to be waited for before that.
        send: Where the messages go.
        made_request: The request, once something has asked for it.
        token: By which the context gets back what was before, where no middleware goes on after the answer.
        is_last: Whether nothing else goes on after it either.
        has_left: Whether the context has got it back.
    """

    receive: Receive
    send: Send
    status = 0
    finish: Finish | None = None
    before: list[BeforeStart] | None = None
    made_request: Request | None = None
    token: Token[Exchange | None] | None = None
    is_last = has_left = False

    @property
    def request(self) -> Request:
        """The request, as the middleware and the handler that run now see it."""
        if self.made_request is None:
            self.made_request = Request(self.scope, self.receive)
        return self.made_request

    def request_for(self, scope: Scope, receive: Receive) -> Request:
        """Return the request that was made for the middleware, or a new one if a middleware has replaced the scope."""
        request = self.made_request
        if request is None or request.scope is not scope:
            request = self.made_request = Request(scope, receive)
        else:
            request._receive = receive
        return request

    def finish_with(self, finish: Finish) -> None:
        """Have the headers completed by a function, before those that complete them already: these are of middleware outside."""
        outer = self.finish
        if outer is None:
            self.finish = finish
        else:
            self.finish = lambda answer, headers: outer(answer, finish(answer, headers))

    def start(self, status: int, headers: RawHeaders) -> RawHeaders:
        """Note that the head is being sent, and return its complete headers."""
        self.is_started = True
        self.status = status
        return headers if self.finish is None else self.finish(self, headers)

    def before_start(self, hook: BeforeStart) -> None:
        """Have something awaited before the head is sent; what it raises is answered in place of the answer."""
        self.before = [*(self.before or ()), hook]

    async def prepare(self, status: int, headers: RawHeaders) -> RawHeaders:
        """Await what has to come before the head, and return the headers."""
        # Taken away first: if one fails, the answer to that is sent without them.
        hooks, self.before = self.before or (), None
        for hook in hooks:
            headers = await hook(status, headers)
        return headers

    async def has_lost_client(self, error: Exception, request: Request) -> bool:
        """Return whether an error says that the client has gone, who would get the rest: no error of the handler (ASGI 2.4, ``send``)."""
        return isinstance(error, OSError) and self.is_started and await request.is_disconnected()

    async def _start_prepared(self, message: Message) -> None:
        headers = list(message.get("headers") or ())
        headers = await self.prepare(message["status"], headers)
        message["headers"] = self.start(message["status"], headers)
        await self.send(message)

    def __call__(self, message: Message) -> Awaitable[None]:
        """Pass a message on; plain, for it may run often in a request."""
        if message["type"] == "http.response.start":
            if self.before is not None:
                return self._start_prepared(message)
            message["headers"] = self.start(message["status"], list(message.get("headers") or ()))
        return self.send(message)


def begun(scope: Scope, receive: Receive, send: Send) -> Answer:
    """Return a new answer to a request.

    Args:
        scope: The ASGI scope of the request.
        receive: Where its body comes from.
        send: Where the messages go.
    """
    answer = Answer()
    answer.scope = scope
    answer.receive = receive
    answer.send = send
    return answer


def answer_of(scope: Scope, receive: Receive, send: Send) -> Answer:
    """Return the answer that is under way, or a new one where no application has begun one."""
    exchange = current_exchange.get()
    return exchange if isinstance(exchange, Answer) else begun(scope, receive, send)


def finishing(finish: Finish, scope: Scope, receive: Receive, send: Send) -> Send:
    """Return a `send` for which a function completes the headers of the answer.

    Where no middleware outside has replaced `send`, it stays as it is, and the messages go nowhere but to the server.
    """
    if send.__class__ is not Answer:
        return _wrapped(finish, answer_of(scope, receive, send), send)
    if send.finish is None:  # As nearly always; the rest is not worth a call.
        send.finish = finish
    else:
        send.finish_with(finish)
    return send


def _wrapped(finish: Finish, answer: Answer, send: Send) -> Send:
    def finished(message: Message) -> Awaitable[None]:
        if message["type"] == "http.response.start":
            answer.status = message["status"]
            message["headers"] = finish(answer, list(message.get("headers") or ()))
        return send(message)

    return finished
