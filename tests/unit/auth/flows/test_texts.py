"""Every text of the account pages is translated, and the catalogues are what the script would write."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from openviper.i18n.catalogue import read_po

ROOT = Path(__file__).resolve().parents[4]
APP = ROOT / "openviper" / "auth"


def test_the_catalogues_are_what_the_script_would_write() -> None:
    script = ROOT / "scripts" / "build_texts.py"
    words = [sys.executable, str(script), "--check"]
    result = subprocess.run(words, capture_output=True, text=True)
    assert result.returncode == 0, result.stdout + result.stderr


def test_every_text_is_translated_with_its_values() -> None:
    for path in APP.glob("locale/*/LC_MESSAGES/messages.po"):
        for message in read_po(path.read_text("utf-8")):
            assert message.is_translated, f"{path}: {message.text!r}"
            for translation in message.translations if message.text else ():
                values = re.findall(r"%\(\w+\)[ds]", message.text)
                assert sorted(re.findall(r"%\(\w+\)[ds]", translation)) == sorted(values)


def test_no_template_holds_a_script_or_a_style() -> None:
    # So that the strictest content security policy is no obstacle.
    for path in (APP / "templates" / "accounts").glob("*.html"):
        text = path.read_text("utf-8")
        assert "<script" not in text and "<style" not in text, path
        assert not re.search(r"\s(style|on\w+)=", text), path
