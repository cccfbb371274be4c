"""What a server imports before its first request."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]


def run(code: str) -> None:
    subprocess.run([sys.executable, "-W", "error", "-c", code], cwd=ROOT, check=True, timeout=60)


def test_where_there_are_models_what_they_query_with_is_imported() -> None:
    run(
        "import sys\n"
        "from openviper.db import Model, fields\n"
        "from openviper.db.preloading import preload_queries\n"
        "class Note(Model):\n"
        "    text = fields.TextField()\n"
        "assert 'openviper.db.query.queryset' not in sys.modules\n"
        "preload_queries()\n"
        "before = set(sys.modules)\n"
        "Note.objects.filter(Note.text == 'a').order_by('-id')\n"
        "assert 'openviper.db.models.persistence' in before\n"
        "assert len(set(sys.modules) - before) <= 2, set(sys.modules) - before\n"
    )


def test_a_server_without_models_has_nothing_to_query_with() -> None:
    run(
        "import sys\n"
        "from openviper.db.preloading import preload_queries\n"
        "import openviper.db.models\n"
        "preload_queries()\n"
        "assert 'openviper.db.query.queryset' not in sys.modules\n"
    )


def test_where_there_are_none_nothing_is() -> None:
    run(
        "import sys\n"
        "from openviper.db.preloading import preload_queries\n"
        "preload_queries()\n"
        "assert 'openviper.db.models.base' not in sys.modules\n"
        "assert 'openviper.db.query.queryset' not in sys.modules\n"
    )
