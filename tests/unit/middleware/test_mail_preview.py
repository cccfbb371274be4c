"""The last mails in a browser, in development only."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from openviper import OpenViper
from openviper.core.email import Alternative, EmailMessageData, preview, send_email, send_many
from openviper.core.email.preview import KEPT, kept_messages, read_kept
from openviper.testing import OpenViperTestClient, override_openviper_settings

EVIL = "<script>alert(1)</script>"


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Be a project in development whose mail goes into files."""
    monkeypatch.delenv("OPENVIPER_SETTINGS_MODULE", raising=False)
    monkeypatch.delenv("OPENVIPER_ENV", raising=False)
    email = {
        "backend": "file",
        "file_path": str(tmp_path / "mail"),
        "spool_dir": str(tmp_path / "spool"),
    }
    with override_openviper_settings(DEBUG=True, EMAIL=email, TESTING=False, MIDDLEWARE=()):
        monkeypatch.setenv("OPENVIPER_SETTINGS_MODULE", "shop.settings")
        yield tmp_path


async def send() -> str:
    """Send a message and return the name it was kept under."""
    await send_email(
        "Bob <bob@x.io>", f"Grüße {EVIL}", f"Text {EVIL}", f"<p>Body</p>{EVIL}<img src=http://evil.example/p.gif>",
        attachments=[(f"{EVIL}.txt", b"x")], background=False,
    )  # fmt: skip
    return kept_messages()[0].name


async def test_the_list_and_a_message_are_shown_without_running_anything(project: Path) -> None:
    name = await send()
    async with OpenViperTestClient(OpenViper()) as client:
        listed = await client.get("/openviper/mail")
        shown = await client.get(f"/openviper/mail/{name}")
        body = await client.get(f"/openviper/mail/{name}/html")
        source = await client.get(f"/openviper/mail/{name}/source")
    assert listed.status_code == shown.status_code == body.status_code == source.status_code == 200
    assert "Grüße" in listed.text and "bob@x.io" in listed.text and name in listed.text
    assert "<h2>Text</h2>" in shown.text and "<iframe sandbox" in shown.text
    for page in (listed, shown):
        assert EVIL not in page.text and "&lt;script&gt;" in page.text
        assert "default-src 'none'" in page.headers["content-security-policy"]
    assert EVIL in body.text and body.headers["content-security-policy"].endswith("sandbox")
    assert "default-src 'none'" in body.headers["content-security-policy"]
    assert source.headers["content-type"].startswith("text/plain") and "Subject:" in source.text
    assert {page.headers["cache-control"] for page in (listed, shown, body, source)} == {"no-store"}


@pytest.mark.parametrize(
    "path", ["x", "..%2f..%2fetc%2fpasswd", "20260101-000000-aaaaaaaaaaaa.eml", "20260101-000000-aaaaaaaaaaaa.eml/other"]
)  # fmt: skip
async def test_anything_else_is_not_found(project: Path, path: str) -> None:
    await send()
    async with OpenViperTestClient(OpenViper()) as client:
        assert (await client.get(f"/openviper/mail/{path}")).status_code == 404
        assert (await client.post("/openviper/mail")).status_code == 405


async def test_other_hosts_are_refused(project: Path) -> None:
    async with OpenViperTestClient(OpenViper()) as client:
        refused = await client.get("/openviper/mail", headers={"host": "rebound.example"})
        allowed = await client.get("/openviper/mail", headers={"host": "localhost:8000"})
    assert (refused.status_code, allowed.status_code) == (400, 200)
    assert "No mail was sent yet." in allowed.text


async def test_there_is_no_preview_without_debug(project: Path) -> None:
    with override_openviper_settings(DEBUG=False):
        await send_email("bob@x.io", "Hi", "x", background=False)
        assert kept_messages() == []
        async with OpenViperTestClient(OpenViper()) as client:
            assert (await client.get("/openviper/mail")).status_code == 404


async def test_nor_in_production(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENVIPER_ENV", "production")
    async with OpenViperTestClient(OpenViper(debug=True)) as client:
        assert (await client.get("/openviper/mail")).status_code == 404


async def test_the_last_ones_are_kept_and_private(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(preview, "KEPT", 3)
    await send_many([EmailMessageData(["bob@x.io"], str(number), "x") for number in range(5)])
    assert len(kept_messages()) == 3 < KEPT
    for number in range(2):
        await send_email("bob@x.io", f"more {number}", "x", background=False)
    kept = kept_messages()
    assert len(kept) == 3 and kept[0].subject.startswith("more")
    paths = list(preview.preview_directory().iterdir())
    assert {path.stat().st_mode & 0o777 for path in paths} == {0o600}
    paths[0].unlink()
    paths[0].symlink_to("/etc/passwd")
    assert read_kept(paths[0].name) is None


async def test_a_folder_that_cannot_be_written_harms_nobody(
    project: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (project / "spool").write_text("a file")
    assert await send_email("bob@x.io", "Hi", "x", background=False)
    assert "mail is not kept for the preview" in caplog.text


async def test_other_paths_go_on(project: Path) -> None:
    app = OpenViper()

    @app.get("/openviper/mailbox")
    async def mailbox(request: object) -> str:
        return "mine"

    async with OpenViperTestClient(app) as client:
        assert (await client.get("/openviper/mailbox")).text == "mine"


async def test_whatever_a_message_is_it_is_shown(project: Path) -> None:
    odd = [
        EmailMessageData([f"Käthe {n} <u{n}@x.io>" for n in range(3000)], "Many", "x"),
        EmailMessageData(["käthe@x.io"], "Local", "x", sender="Käthe <ä@x.io>"),
        EmailMessageData(["b@x.io"], "Form", "x", alternatives=[Alternative(b"<p>\xff", "text/html; charset=x-no")]),
        EmailMessageData(["b@x.io"], "Word", "x", headers={"X-A": "=?x-no?q?=ff?= \\u0041"}),
    ]  # fmt: skip
    assert all(result.ok for result in await send_many(odd))
    folder = preview.preview_directory()
    named = "20990101-000000-{}.eml".format
    (folder / named("a" * 12)).symlink_to("/etc/passwd")
    (folder / named("b" * 12)).mkdir()
    deep = b"Subject: Deep\r\nTo: " + b"(" * 5000 + b"\r\n\r\nx"
    (folder / named("c" * 12)).write_bytes(deep)
    messages = {message.subject: message for message in kept_messages()}
    assert set(messages) == {"Many", "Local", "Form", "Word", "Deep"}
    assert messages["Local"].to == "käthe@x.io"
    async with OpenViperTestClient(OpenViper()) as client:
        assert (await client.get("/openviper/mail")).status_code == 200
        for message in messages.values():
            page = await client.get(f"/openviper/mail/{message.name}")
            assert page.status_code == 200
            if message.subject == "Many":
                assert "Käthe 2999 &lt;u2999@x.io&gt;" in page.text
        body = await client.get(f"/openviper/mail/{messages['Form'].name}/html")
    assert body.status_code == 200 and body.text.startswith("<p>")


async def test_a_folder_of_a_messages_name_does_not_keep_old_ones(project: Path) -> None:
    folder = preview.preview_directory() / "20000101-000000-aaaaaaaaaaaa.eml"
    folder.mkdir(parents=True)
    os.utime(folder, (0, 0))
    await send_many([EmailMessageData(["b@x.io"], "x", "x")] * KEPT)
    await send()
    assert len(kept_messages()) == KEPT
