"""Messages handed to a server that works."""

from __future__ import annotations

import smtplib

import pytest

from openviper.core.email.smtp import SMTPConfig, deliver
from openviper.core.email.smtp_connection import GROUP
from tests.integration.email.mail import CONTENT, config, envelope
from tests.smtp_server import SMTPServer, SMTPServerProcess

PLAIN = ("8BITMIME", "SMTPUTF8", "SIZE 50000000")
"""Extensions without PIPELINING."""


@pytest.fixture(params=["pipelined", "step by step"])
def extensions(request: pytest.FixtureRequest) -> tuple[str, ...]:
    """Return what the server offers: both ways of talking have to come to the same."""
    return ("PIPELINING", *PLAIN) if request.param == "pipelined" else PLAIN


async def test_nothing_to_send_needs_no_server() -> None:
    server = SMTPServer()
    with server:
        assert await deliver(config(server), []) == []
    assert server.sessions == []


async def test_a_message_arrives_as_it_is(extensions: tuple[str, ...]) -> None:
    with SMTPServer(extensions=extensions) as server:
        (delivery,) = await deliver(
            config(server), [envelope("bob@example.com", "eve@example.com")]
        )
        assert server.wait_for_end()
    assert delivery.error is None and not delivery.refused and not delivery.in_doubt
    (message,) = server.messages
    assert message.sender == "ada@example.com"
    assert message.recipients == ["bob@example.com", "eve@example.com"]
    assert message.content == CONTENT
    assert message.parameters == f"SIZE={len(CONTENT)}"
    assert server.sessions[0].was_pipelined is ("PIPELINING" in extensions)
    assert server.sessions[0].commands[-1].upper() == "QUIT"


async def test_a_server_that_knows_helo_only_gets_no_parameters() -> None:
    with SMTPServer(replies={"EHLO": "502 5.5.1 what?"}) as server:
        (delivery,) = await deliver(config(server), [envelope()])
    assert delivery.error is None
    assert [message.parameters for message in server.messages] == [""]


async def test_the_null_sender_is_sent_as_such() -> None:
    with SMTPServer() as server:
        (delivery,) = await deliver(config(server), [envelope(sender="")])
    assert delivery.error is None
    assert [message.sender for message in server.messages] == [""]


@pytest.mark.parametrize(
    "body",
    [
        b".\r\n",
        b"..\r\n.\r\n",
        b"one\r\n.\r\n..two\r\n.three\r\n",
        b"no line end",
        b"\r\n",
        b"",
        (b"x" * 65_530 + b"\r\n.") * 3 + b"\r\n",
    ],
)
async def test_dots_and_line_ends_come_through(body: bytes) -> None:
    with SMTPServer() as server:
        (delivery,) = await deliver(config(server), [envelope(content=body)])
    assert delivery.error is None
    assert server.messages[0].content == (body if body.endswith(b"\r\n") else body + b"\r\n")


async def test_dots_are_doubled_wherever_the_pieces_are_cut() -> None:
    bodies = [b"y" * (65_536 - cut) + b"\r\n.\r\n..\r\n" + b"z" * 10 + b"\r\n" for cut in range(9)]
    with SMTPServer() as server:
        deliveries = await deliver(config(server), [envelope(content=body) for body in bodies])
    assert [delivery.error for delivery in deliveries] == [None] * len(bodies)
    assert [message.content for message in server.messages] == bodies


async def test_a_batch_goes_over_one_connection_and_keeps_its_order(
    extensions: tuple[str, ...],
) -> None:
    with SMTPServer(extensions=extensions) as server:
        envelopes = [envelope(f"user{number}@example.com") for number in range(200)]
        deliveries = await deliver(config(server), envelopes)
    assert all(delivery.error is None for delivery in deliveries)
    assert len(server.sessions) == 1
    assert [message.recipients for message in server.messages] == [
        list(one.recipients) for one in envelopes
    ]


async def test_refused_recipients_are_named_and_the_others_get_it(
    extensions: tuple[str, ...],
) -> None:
    replies = {
        "RCPT:no@example.com": "550 5.1.1 no such user",
        "RCPT:full@example.com": "452-4.2.2 full\r\n452 later",
    }
    with SMTPServer(extensions=extensions, replies=replies) as server:
        envelopes = [
            envelope("no@example.com", "bob@example.com", "full@example.com"),
            envelope("eve@example.com"),
        ]
        first, second = await deliver(config(server), envelopes)
    assert first.error is None
    assert dict(first.refused) == {
        "no@example.com": (550, "5.1.1 no such user"),
        "full@example.com": (452, "4.2.2 full\nlater"),
    }
    assert second.error is None and not second.refused
    assert [message.recipients for message in server.messages] == [
        ["bob@example.com"],
        ["eve@example.com"],
    ]


@pytest.mark.parametrize("accepts_empty", [False, True])
async def test_without_an_accepted_recipient_nothing_is_sent(
    extensions: tuple[str, ...], accepts_empty: bool
) -> None:
    replies = {f"RCPT:{name}@example.com": "550 5.1.1 no such user" for name in ("a", "b")}
    # A server may wait for the message all the same (RFC 2920, 3.1).
    with SMTPServer(extensions=extensions, replies=replies, accepts_empty=accepts_empty) as server:
        bad, good = await deliver(
            config(server), [envelope("a@example.com", "b@example.com"), envelope()]
        )
    assert isinstance(bad.error, smtplib.SMTPRecipientsRefused)
    assert bad.error.recipients["a@example.com"] == (550, b"5.1.1 no such user")
    assert set(bad.refused) == {"a@example.com", "b@example.com"}
    assert good.error is None
    assert [message.content for message in server.messages] == [CONTENT]
    assert len(server.sessions) == 1


async def test_a_refused_sender_spoils_only_its_own_message(extensions: tuple[str, ...]) -> None:
    with SMTPServer(
        extensions=extensions, replies={"MAIL": "553 5.7.1 not you"}, times=1
    ) as server:
        bad, good = await deliver(config(server), [envelope(), envelope()])
    assert isinstance(bad.error, smtplib.SMTPSenderRefused)
    assert (bad.error.smtp_code, bad.error.smtp_error) == (553, b"5.7.1 not you")
    assert good.error is None
    assert len(server.sessions) == 1


@pytest.mark.parametrize(
    ("stage", "answer"),
    [("DATA", "451 4.3.0 later"), ("DOT", "554 5.7.1 spam"), ("DOT", "552 big")],
)
async def test_refused_data_spoils_only_its_own_message(
    extensions: tuple[str, ...], stage: str, answer: str
) -> None:
    with SMTPServer(extensions=extensions, replies={stage: answer}, times=1) as server:
        bad, good = await deliver(config(server), [envelope(), envelope()])
    assert isinstance(bad.error, smtplib.SMTPDataError)
    assert bad.error.smtp_code == int(answer[:3])
    assert not bad.in_doubt
    assert good.error is None
    assert len(server.messages) == 1
    assert len(server.sessions) == 1


async def test_hundreds_of_recipients_are_asked_for_in_groups(extensions: tuple[str, ...]) -> None:
    names = [f"user{number}@example.com" for number in range(350)]
    with SMTPServer(extensions=extensions, replies={f"RCPT:{names[300]}": "550 no"}) as server:
        (delivery,) = await deliver(config(server), [envelope(*names)])
    assert delivery.error is None
    assert list(delivery.refused) == [names[300]]
    # Two sides that both send without reading would wait for each other (RFC 2920, 3.1).
    assert server.sessions[0].most_waiting <= GROUP
    assert server.messages[0].recipients == [name for name in names if name != names[300]]


async def test_a_malformed_message_does_not_stop_the_batch() -> None:
    envelopes = [
        envelope(content=b"Subject: x\r\n\r\nsmuggled\n.\r\nMAIL FROM:<eve@example.com>\r\n"),
        envelope("bob@example.com>\r\nRCPT TO:<eve@example.com"),
        envelope(),
    ]
    with SMTPServer() as server:
        smuggled, injected, good = await deliver(config(server), envelopes)
    assert isinstance(smuggled.error, ValueError) and "CRLF" in str(smuggled.error)
    assert isinstance(injected.error, ValueError) and "'bob@example.com>" in str(injected.error)
    assert good.error is None
    assert len(server.messages) == 1


async def test_non_ascii_addresses_go_out_as_smtputf8() -> None:
    with SMTPServer() as server:
        (delivery,) = await deliver(config(server), [envelope("jürgen@example.com")])
    assert delivery.error is None
    assert server.messages[0].recipients == ["jürgen@example.com"]
    assert server.messages[0].parameters.split()[-1] == "SMTPUTF8"


async def test_headers_in_utf8_go_out_as_smtputf8_with_8bit_content() -> None:
    content = "Subject: Grüße\r\n\r\nHallo\r\n".encode()
    with SMTPServer() as server:
        (delivery,) = await deliver(
            config(server), [envelope(content=content, needs_smtputf8=True)]
        )
    assert delivery.error is None
    assert server.messages[0].content == content
    assert server.messages[0].parameters == f"SIZE={len(content)} BODY=8BITMIME SMTPUTF8"


@pytest.mark.parametrize("needs_smtputf8", [False, True])
async def test_smtputf8_is_not_asked_of_a_server_without_it(needs_smtputf8: bool) -> None:
    recipient = "bob@example.com" if needs_smtputf8 else "jürgen@example.com"
    named = "ada@example.com" if needs_smtputf8 else "jürgen@example.com"
    with SMTPServer(extensions=["8BITMIME"]) as server:
        envelopes = [envelope(recipient, needs_smtputf8=needs_smtputf8), envelope()]
        bad, good = await deliver(config(server), envelopes)
    assert isinstance(bad.error, smtplib.SMTPNotSupportedError)
    assert named in str(bad.error) and "SMTPUTF8" in str(bad.error)
    assert good.error is None
    assert len(server.messages) == 1


async def test_8bit_content_is_not_sent_to_a_server_without_8bitmime() -> None:
    with SMTPServer(extensions=["PIPELINING"]) as server:
        (delivery,) = await deliver(config(server), [envelope(content="\r\nGrüße\r\n".encode())])
    assert isinstance(delivery.error, smtplib.SMTPNotSupportedError)
    assert "8-bit" in str(delivery.error)
    assert not server.messages


async def test_a_message_above_the_size_limit_is_not_sent() -> None:
    with SMTPServer(extensions=["SIZE 1000"]) as server:
        big, small = await deliver(
            config(server), [envelope(content=b"x" * 999 + b"\r\n"), envelope()]
        )
    assert isinstance(big.error, smtplib.SMTPSenderRefused)
    assert big.error.smtp_code == 552 and b"1001 bytes" in bytes(big.error.smtp_error)
    assert small.error is None
    assert len(server.messages) == 1


@pytest.mark.parametrize("limit", ["SIZE", "SIZE 0", "SIZE ²"])
async def test_a_size_without_a_limit_is_none(limit: str) -> None:
    with SMTPServer(extensions=[limit]) as server:
        (delivery,) = await deliver(config(server), [envelope()])
    assert delivery.error is None
    assert server.messages[0].parameters == f"SIZE={len(CONTENT)}"


@pytest.mark.parametrize("mechanisms", [["PLAIN"], ["LOGIN"], ["GSSAPI", "LOGIN", "PLAIN"]])
async def test_it_logs_in(mechanisms: list[str]) -> None:
    with SMTPServer(users={"ada": "s3cret"}, mechanisms=mechanisms) as server:
        (delivery,) = await deliver(config(server, username="ada", password="s3cret"), [envelope()])
    assert delivery.error is None
    assert server.messages[0].user == "ada"


async def test_names_and_passwords_may_be_in_any_script() -> None:
    with SMTPServer(users={"jürgen": "пароль"}) as server:
        (delivery,) = await deliver(
            config(server, username="jürgen", password="пароль"), [envelope()]
        )
        assert delivery.error is None
        (delivery,) = await deliver(
            config(server, username="jürgen", password="неверно"), [envelope()]
        )
        assert isinstance(delivery.error, smtplib.SMTPAuthenticationError)
    with SMTPServer(users={"jürgen": "пароль"}, mechanisms=["LOGIN"]) as server:
        (delivery,) = await deliver(
            config(server, username="jürgen", password="пароль"), [envelope()]
        )
    assert delivery.error is None and server.messages[0].user == "jürgen"


@pytest.mark.parametrize("mechanisms", [["PLAIN", "LOGIN"], ["LOGIN", "PLAIN"], ["LOGIN"]])
async def test_a_wrong_password_is_one_bad_login_whatever_mechanisms_there_are(
    mechanisms: list[str],
) -> None:
    with SMTPServer(users={"ada": "s3cret"}, mechanisms=mechanisms) as server:
        (delivery,) = await deliver(config(server, username="ada", password="no"), [envelope()])
    assert isinstance(delivery.error, smtplib.SMTPAuthenticationError)
    assert [session.commands.count("AUTH") for session in server.sessions] == [1]


async def test_a_wrong_password_fails_the_batch_after_one_try() -> None:
    with SMTPServer(users={"ada": "s3cret"}, mechanisms=["PLAIN"]) as server:
        deliveries = await deliver(
            config(server, username="ada", password="wrong"), [envelope()] * 5
        )
    assert all(
        isinstance(delivery.error, smtplib.SMTPAuthenticationError) for delivery in deliveries
    )
    assert "wrong\0" not in str(deliveries[0].error)
    assert [session.commands.count("AUTH") for session in server.sessions] == [1]


async def test_a_login_on_a_server_without_auth_is_an_error() -> None:
    with SMTPServer() as server:
        (delivery,) = await deliver(config(server, username="ada", password="s3cret"), [envelope()])
    assert isinstance(delivery.error, smtplib.SMTPNotSupportedError)
    assert not server.messages


async def test_it_speaks_ipv6() -> None:
    with SMTPServer(host="::1") as server:
        (delivery,) = await deliver(config(server), [envelope()])
    assert delivery.error is None
    assert len(server.messages) == 1


async def test_the_server_of_the_measurements_takes_mail_too() -> None:
    with SMTPServerProcess() as server:
        deliveries = await deliver(SMTPConfig("127.0.0.1", server.port), [envelope(), envelope()])
        assert [delivery.error for delivery in deliveries] == [None, None]
        assert server.close() == {"connections": 1, "messages": 2}
