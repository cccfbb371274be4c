"""Secrets stay out of what developers are shown."""

from __future__ import annotations

import pytest

from openviper import OpenViper, Request
from openviper.http.masking import MASK, mask_secrets
from openviper.testing import override_openviper_settings as override


@pytest.mark.parametrize(
    "text",
    [
        'password = "hunter2"',
        "password='hunter2'",
        "{'password': 'hunter2'}",
        '{"api_key": "hunter2"}',
        "API-KEY = 'hunter2'",
        "client_secret_key  :  b'hunter2'",
        "token=rb'hunter2'",
        'my_token = f"hunter2"',
        r"""password = 'a\'hunter2'""",
        "passwd='hunter2",
        "API_TOKEN: str = 'hunter2'",
        'secret: Final[str | None] = "hunter2"',
        "host=db user=me password=hunter2 dbname=x",
        "connection failed: PASSWORD=hunter2;host=db",
        "postgresql://me:hunter2@host/db",
        "GET /x?token=hunter2&q=1",
        "/x?a=1&api_key=hunter2",
        "{'authorization': 'Bearer hunter2'}",
        "[(b'cookie', b'sessionid=hunter2; a=b')]",
        '"X-Signature": "hunter2"',
        "private_key = b'hunter2'",
        "credentials='hunter2'",
    ],
)
def test_values_of_secret_names_are_hidden(text: str) -> None:
    masked = mask_secrets(text)
    assert "hunter2" not in masked
    assert MASK in masked


@pytest.mark.parametrize(
    "text",
    [
        "color = 'red'",
        "tokens = split(text)",
        "password: str",
        "password == other",
        "secret: it is 5",
        "http://host/path",
        "/x?q=1",
        "secretary said no",
    ],
)
def test_the_rest_is_left_alone(text: str) -> None:
    assert mask_secrets(text) == text


def test_the_project_s_own_key_is_hidden_anywhere() -> None:
    with override(SECRET_KEY="k" * 60):
        assert mask_secrets("it is " + "k" * 60) == f"it is {MASK}"


async def test_locals_of_your_frame_are_shown_and_secrets_in_them_are_not() -> None:
    app = OpenViper(debug=True)

    class Cursed:
        def __repr__(self) -> str:
            raise ValueError

    @app.get("/x")
    async def view(request: Request) -> str:
        ticket = {"title": "printer", "password": "hunter2"}
        db_password = "hunter2"
        cursed = Cursed()
        long = "x" * 100_000
        return str(ticket[db_password + str(len(long)) + type(cursed).__name__])

    page = (await app.test_client().get("/x", headers={"x-auth": "s3" + "cret"})).text
    first = page.index('<div class="yours">')
    assert first < page.index('<details class="library">')
    assert "printer" in page and "repr raises ValueError" in page
    assert "hunter2" not in page
    assert "s3" + "cret" not in page
    assert len(page) < 100_000


@pytest.mark.parametrize(
    "text",
    [
        'password: str = "hunter2"',
        "    api_key: Final[str] = 'hunter2'",
        'token: str | None = "hunter2"',
        'secret = """hunter2"""',
        "secret = '''one\nhunter2\nthree'''",
        'secret = """a "quoted" hunter2"""',
        "secret = r'''hunter2'''",
        'os.environ["SECRET_TOKEN"] = "hunter2"',
        "settings['token']='hunter2'",
        "def login(password='hunter2', token=\"hunter2\"):",
        'password = "" + "x"; token = "hunter2"',
        "password = '''hunter2",
        "?x=1&session=hunter2&y=2",
        "mysql://user:hunter2@localhost/db and https://a:hunter2@b/",
    ],
)
def test_secrets_of_typed_and_long_assignments_are_hidden(text: str) -> None:
    masked = mask_secrets(text)
    assert "hunter2" not in masked and MASK in masked


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("token = 'a'; color = 'red'", f"token = '{MASK}'; color = 'red'"),
        ("token = '''a'''; color = 'red'", f"token = '''{MASK}'''; color = 'red'"),
        ("token = 'never closed\ncolor = 'red'", f"token = '{MASK}\ncolor = 'red'"),
        ("token = ''", f"token = '{MASK}'"),
        ("/x?token=a&page=2#c", f"/x?token={MASK}&page=2#c"),
        ("sqlite://:pw@/x", f"sqlite://:{MASK}@/x"),
    ],
)
def test_what_follows_a_secret_stays_to_be_read(text: str, masked: str) -> None:
    assert mask_secrets(text) == masked


def test_masking_twice_changes_nothing_more() -> None:
    text = "token = 'a\\'b'; password: str = \"x\"; /x?api_key=1&b=2; pg://u:p@h/"
    once = mask_secrets(text)
    assert mask_secrets(once) == once
