"""Searching the manual."""

from __future__ import annotations

import pytest

from openviper.documentation.pages import read_page, read_pages
from openviper.documentation.search import Index, build_index, search, words_of


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Sending mails", ["send", "mail"]),
        ("send a mail", ["send", "mail"]),
        ("SECRET_KEY", ["secret_key", "secret", "key"]),
        ("backup-db --all", ["backup", "db", "all"]),
        ("queries, query", ["query", "query"]),
        ("used users", ["used", "user"]),
        ("the of a", []),
        ("Größe 42", ["größ", "42"]),
        ("", []),
    ],
)
def test_words_lose_what_does_not_matter(text: str, words: list[str]) -> None:
    assert words_of(text) == words


@pytest.fixture(scope="module")
def small() -> Index:
    return build_index(
        [
            read_page("a.md", "# Backup\nCopy the database.\n## Restore\nPut it back.\n"),
            read_page("b.md", "# Mail\nSend it. A backup of mail is a backup, backup.\n"),
            read_page("c.md", "# Long\n" + "word " * 400 + "restore\n"),
        ]
    )


def test_titles_count_more_than_text(small: Index) -> None:
    assert [entry.address for entry in search(small, "backup")] == ["a.html", "b.html"]


def test_a_section_is_found_with_its_anchor_and_a_page_once(small: Index) -> None:
    found = search(small, "restore")
    assert [entry.address for entry in found] == ["a.html#restore", "c.html"]
    assert found[0].heading == "Restore"


def test_a_word_may_be_unfinished_and_order_does_not_matter(small: Index) -> None:
    assert search(small, "rest")[0].address == "a.html#restore"
    assert search(small, "back put") == search(small, "put back")


def test_a_longer_form_of_a_word_finds_it_and_so_does_one_that_is_being_typed() -> None:
    index = build_index([read_page("a.md", "# Lists\nTo paginate, see the settings.\n")])
    for question in ("pagination", "settin", "paginat"):
        assert len(search(index, question)) == 1
    assert search(index, "settlement") == search(index, "paginationist") == []


def test_a_section_is_found_by_the_words_in_which_it_is_asked_for() -> None:
    text = "# Relations\n## In advance\n<!-- asked: N+1 queries; eager loading -->\nIt is loaded.\n"
    page = read_page("a.md", text)
    (found,) = search(build_index([page]), "eager")
    assert found.address == "a.html#in-advance"
    # Neither the page nor the line that is shown has them.
    assert "eager" not in page.prose + found.text


@pytest.mark.parametrize("question", ["", "the", "\x00", "\ud800", "zzz", "'\"<>", "(" * 1000])
def test_nothing_is_found_for_what_is_nowhere(small: Index, question: str) -> None:
    assert search(small, question) == []


def test_the_number_of_answers_and_of_words_is_bounded(small: Index) -> None:
    assert len(search(small, "backup restore word", 1)) == 1
    assert search(small, "none " * 50_000 + "backup") != []
    assert search(small, " ".join(f"w{n}" for n in range(50)) + " backup") == []


# Written before the index was tuned: what people ask, and the page that answers.
QUESTIONS = [
    ("how do I log in a user", "how-to/log-in.html"),
    ("nightly backup cron", "how-to/backup.html"),
    ("restore database", "how-to/backup.html"),
    ("upload file size limit", "how-to/requests.html"),
    ("run worker", "how-to/background-tasks.html"),
    ("periodic job every hour", "how-to/background-tasks.html"),
    ("retry failed task", "how-to/background-tasks.html"),
    ("postgresql", "how-to/postgresql.html"),
    ("move from sqlite to postgresql", "how-to/move-databases.html"),
    ("csrf token in javascript", "how-to/csrf.html"),
    ("websocket", "how-to/streaming.html"),
    ("server sent events", "how-to/streaming.html"),
    ("environment variable settings", "reference/settings.html"),
    ("typed queries mypy", "how-to/typed-queries.html"),
    ("api key scope", "how-to/tokens.html"),
    ("jwt refresh", "how-to/tokens.html"),
    ("atomic transaction rollback", "how-to/transactions.html"),
    ("send html email", "how-to/mail.html"),
    ("translate page gettext", "how-to/internationalisation.html"),
    ("rename column migration", "how-to/schema-changes.html"),
    ("nginx https production", "how-to/serve.html"),
    ("content security policy nonce", "how-to/security-headers.html"),
    ("foreign key prefetch", "how-to/relations.html"),
    # Written for the second half of the pages, as somebody asks who does not know our words.
    ("copy framework to a usb stick", "how-to/vendor.html"),
    ("pip install offline wheels", "how-to/air-gapped.html"),
    ("check that files were not tampered with", "how-to/vendor.html"),
    ("which python versions are supported", "explanation/compatibility.html"),
    ("when is something deprecated removed", "explanation/versions.html"),
    ("systemd unit for the worker", "how-to/deploy.html"),
    ("prometheus metrics health", "how-to/observe.html"),
    ("two factor authenticator app", "how-to/two-factor.html"),
    ("reset forgotten password", "how-to/account-pages.html"),
    ("who logged in audit log", "how-to/audit.html"),
    ("read replica", "how-to/replicas.html"),
    ("tables of an existing database", "how-to/existing-database.html"),
    ("memcached redis cache page", "how-to/cache.html"),
    ("ollama local llm", "how-to/local-models.html"),
    ("celery beat", "how-to/coming-from-celery.html"),
    ("bash tab completion", "how-to/completion.html"),
    ("slow queries log", "how-to/watch-statements.html"),
    ("upgrade old project from 0.1", "how-to/upgrade-from-0.1.html"),
    ("openapi swagger document", "how-to/api.html"),
    ("factories fixtures pytest", "how-to/testing.html"),
    ("collectstatic nginx", "how-to/static-files.html"),
    ("pagination of a list", "how-to/queries.html"),
    # Written with the words of somebody who has just run into something.
    ("my worker keeps getting killed by the oom killer", "how-to/background-tasks.html"),
    ("two databases in one project", "how-to/replicas.html"),
    ("can't start new thread", "how-to/air-gapped.html"),
    ("disk full sqlite error", "how-to/air-gapped.html"),
    ("cut docstrings out of the framework folder", "how-to/vendor.html"),
    ("server prints database could not be looked at in time", "how-to/serve.html"),
    ("test that an email was sent", "how-to/testing.html"),
    ("websocket behind nginx", "how-to/deploy.html"),
    ("copy data from sqlite to postgres", "how-to/move-databases.html"),
    ("run something every monday morning", "how-to/background-tasks.html"),
    # Written before the lines of what is asked were, as a beginner would ask.
    ("N+1 queries", "how-to/relations.html"),
    ("why is my page making so many database queries", "how-to/watch-statements.html"),
    ("how do I add a column to a table", "how-to/schema-changes.html"),
    ("how to upload a file", "how-to/requests.html"),
    ("send an email when someone signs up", "how-to/account-pages.html"),
    ("run something every night", "how-to/background-tasks.html"),
    ("forgot password reset", "how-to/account-pages.html"),
    ("show error page 404", "how-to/errors.html"),
    ("serve css and images", "how-to/static-files.html"),
    ("how to test my view", "how-to/testing.html"),
    ("how do I connect to postgres", "how-to/postgresql.html"),
    ("put it on a server with https", "how-to/serve.html"),
    ("copy my database to another machine", "how-to/backup.html"),
    ("how do I undo a migration", "how-to/schema-changes.html"),
    ("many to many relationship", "how-to/relations.html"),
    ("pagination", "how-to/queries.html"),
    ("allow requests from another domain", "how-to/middleware.html"),
    ("translate my site into German", "how-to/internationalisation.html"),
    ("background job keeps failing", "how-to/background-tasks.html"),
    ("rename a field without losing data", "how-to/schema-changes.html"),
    ("how to restrict a page to admins", "how-to/permissions.html"),
    ("env variables and secrets", "how-to/production.html"),
    ("limit login attempts", "how-to/log-in.html"),
    ("websocket chat", "how-to/streaming.html"),
]


@pytest.fixture(scope="module")
def ours() -> Index:
    return build_index(read_pages().values())


@pytest.mark.parametrize(("question", "page"), QUESTIONS)
def test_questions_are_answered_among_the_first_three(
    ours: Index, question: str, page: str
) -> None:
    found = [entry.address.partition("#")[0] for entry in search(ours, question, 3)]
    assert page in found


def test_every_phrase_in_which_a_section_is_asked_for_finds_its_page(ours: Index) -> None:
    lost = [
        (page.path, phrase)
        for page in read_pages().values()
        for section in page.sections
        for phrase in section.asked
        if page.address
        not in [entry.address.partition("#")[0] for entry in search(ours, phrase, 5)]
    ]
    assert lost == []
