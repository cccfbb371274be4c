#!/usr/bin/env python3
"""Send random requests to an application, and compare its answers with its document.

Needs schemathesis (https://schemathesis.readthedocs.io), which neither OpenViper nor its tests use:

    pip install schemathesis
    python3 scripts/fuzz_api.py                              some 20,000 requests to one with every kind of parameter
    python3 scripts/fuzz_api.py --application tutorial       to what docs/tutorial-api.md makes, by who has logged in
    python3 scripts/fuzz_api.py --examples 50 --seed 7       fewer, and the same ones again

Prints how many requests came and how they were answered. Exits with 1 for a 500, or for an answer that the document does not
have: what it says of all other answers (``default``) is taken out first, so each status has to be named.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections import Counter
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

import uvicorn  # noqa: E402

from scripts.quickstart import Player, read_story  # noqa: E402

UNFIT = {
    "negative_data_rejection": "of a query or a form, 1 and '1' are one, and null and 'null': a wrong value's text is a right one's",
    "positive_data_acceptance": "a text that fits its schema may name no field, and a number have more digits than we read",
    "missing_required_header": "who has no token and a fault in the query is told of the fault, by 422 and not by 401",
}
"""Checks that cannot be right for what is sent as text, and why."""
STAND_IN = b"Bearer fuzz"
"""What schemathesis sends; each request gets a token of its own for it, since one of them may log out."""


class Counted:
    """Hands requests on to an application, and counts them by the status of their answers.

    Attributes:
        answers: How many requests there were of each status; 0 for those without an answer.
    """

    def __init__(self, application: Any, token: Any = None) -> None:
        self.application = application
        self.token = token
        self.answers: Counter[int] = Counter()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Answer one request, or the events of the server's life."""
        if scope["type"] != "http":
            await self.application(scope, receive, send)
            return
        status = 0

        async def sent(message: Any) -> None:
            nonlocal status
            status = message.get("status", status)
            await send(message)

        scope["headers"] = [(name, self.known(value)) for name, value in scope["headers"]]
        try:
            await self.application(scope, receive, sent)
        finally:
            self.answers[status] += 1

    def known(self, value: bytes) -> bytes:
        """Return the value of a header, with a token instead of what stands for one."""
        if value != STAND_IN or self.token is None:
            return value
        return f"Bearer {self.token()}".encode()


def kinds() -> Counted:
    """Return the application with every kind of parameter."""
    return Counted(importlib.import_module("tests.unit.api.kinds").app)


def tutorial() -> Counted:
    """Play part three of the tutorial in a directory of its own, and return the application it makes."""
    player = Player(Path(sys.executable), Path(tempfile.mkdtemp(prefix="fuzz-")), "unused")
    player.environment["PYTHONPATH"] = str(ROOT)
    for step in read_story(ROOT / "docs" / "tutorial-api.md"):
        # The tests it ends with need more than the tutorial's user has installed for this.
        if step.title != "tests/test_api.py" and not any(
            "viperctl.py test" in x for x in step.lines
        ):
            player.play(step)
    make = 'await get_user_model().objects.create(username="fuzz", email="fuzz@example.org")'
    words = [sys.executable, "viperctl.py", "console", "-c"]
    words.append(f"from openviper.auth import get_user_model\n{make}\n")
    subprocess.run(words, cwd=player.directory, env=player.environment, check=True)
    # Every login that fails is two hashes; what is looked for here is not among them.
    os.environ["OPENVIPER_PASSWORD_HASHERS"] = '["plain"]'
    os.chdir(player.directory)
    sys.path.insert(0, str(player.directory))
    app = importlib.import_module("catalogue.asgi").app
    auth = importlib.import_module("openviper.auth")
    jwt = importlib.import_module("openviper.auth.jwt")
    user = auth.get_user_model()(id=1, username="fuzz")
    return Counted(app, lambda: jwt.create_access_token(user))


APPLICATIONS = {"kinds": kinds, "tutorial": tutorial}


def serve(app: Counted) -> str:
    """Serve the application in a thread, and return its address."""
    listener = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(app, log_level="error", access_log=False))
    threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True).start()
    while not server.started:
        time.sleep(0.05)
    return f"http://127.0.0.1:{listener.getsockname()[1]}"


def strict_document(base: str) -> dict[str, Any]:
    """Return the document of an application without what it says of all other answers: each status has to be named."""
    with urllib.request.urlopen(f"{base}/open-api/openapi.json") as answer:
        document: dict[str, Any] = json.load(answer)
    for item in document["paths"].values():
        for operation in item.values():
            del operation["responses"]["default"]
    return document


def command(found: str, document: Path, base: str, args: argparse.Namespace) -> list[str]:
    """Return the words that start schemathesis."""
    words = [found, "run", str(document), "--url", base, "--max-examples", str(args.examples)]
    words += ["--phases", "coverage,fuzzing", "--checks", "all"]
    words += [
        "--request-timeout",
        "60",
        "--exclude-checks",
        ",".join(UNFIT),
        "--continue-on-failure",
    ]
    words += ["--header", f"Authorization:{STAND_IN.decode()}"]
    if args.seed is not None:
        words += ["--seed", str(args.seed)]
    return words


def main() -> int:
    """Run it; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--application", choices=sorted(APPLICATIONS), default="kinds")
    parser.add_argument("--examples", type=int, default=450, help="requests per operation and kind")
    parser.add_argument("--seed", type=int, help="what the chance begins with")
    args = parser.parse_args()
    found = shutil.which("schemathesis", path=str(Path(sys.executable).parent)) or shutil.which(
        "schemathesis"
    )
    if found is None:
        print("schemathesis is not installed; run: pip install schemathesis", file=sys.stderr)
        return 2
    app = APPLICATIONS[args.application]()
    base = serve(app)
    with tempfile.TemporaryDirectory(prefix="fuzz-") as notes:
        document = Path(notes, "openapi.json")
        document.write_text(json.dumps(strict_document(base)))
        words = command(found, document, base, args)
        # Schemathesis keeps what it finds in the directory it is started in.
        code = subprocess.run(words, check=False, cwd=notes).returncode
    print(f"{app.answers.total()} requests: {dict(sorted(app.answers.items()))}")
    return code


if __name__ == "__main__":
    raise SystemExit(main())
