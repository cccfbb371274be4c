"""The pages about AI are true: their examples run against a server that behaves as the documented ones do."""

from __future__ import annotations

import builtins
import dataclasses
import json
import re
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from openviper.ai import AIProvider, provider_registry
from openviper.ai import __all__ as public
from openviper.ai.loading import build
from openviper.ai.providers.configuration import KEYS
from openviper.ai.providers.ollama import OllamaProvider
from openviper.ai.providers.openai import OpenAIProvider
from openviper.conf import ConfigMap, Settings
from openviper.testing import override_openviper_settings as override
from tests.ai_server import AIServer
from tests.integration.docs.pages import page
from tests.integration.docs.test_web_pages import blocks, run


def settings_of(source: str) -> dict[str, Any]:
    """Return the settings of an example: the body of a settings class."""
    body = "".join(f"    {line}\n" for line in source.splitlines())
    names: dict[str, Any] = {
        "ConfigMap": ConfigMap,
        "Settings": Settings,
        "dataclasses": dataclasses,
    }
    exec(f"@dataclasses.dataclass(frozen=True)\nclass Project(Settings):\n{body}", names)
    project = names["Project"]()
    return {name: getattr(project, name) for name in ("ENABLE_AI_PROVIDERS", "AI_PROVIDERS")}


def said(title: str, source: str) -> list[Any]:
    """Return what a page has the model say: answers, or calls of tools."""
    lines = source.splitlines()
    if title == "says":
        return lines
    return [[(line.split(" ", 1)[0], json.loads(line.split(" ", 1)[1]))] for line in lines]


@pytest.mark.parametrize("name", ["ai", "local-models"])
async def test_every_example_does_what_the_page_says(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The classes of the page are looked up by the name of their module.
    module = ModuleType(f"docs_{name.replace('-', '_')}")
    monkeypatch.setitem(sys.modules, module.__name__, module)
    names: dict[str, Any] = vars(module)
    names["directory"] = tmp_path
    found = blocks(page(f"how-to/{name}.md"))
    settings = settings_of(next(source for _, title, source in found if title == "settings.py"))
    tried = 0
    with AIServer() as server:
        monkeypatch.setattr(OllamaProvider, "DEFAULT_URL", server.url)
        settings["AI_PROVIDERS"]["local"]["models"] = ["all-minilm"]
        provider_registry.reset()
        with override(**settings):
            for _, title, source in found:
                if title in ("says", "calls"):
                    server.says.extend(said(title, source))
                elif title == "try":
                    if "app" in names:
                        names["client"] = names["app"].test_client()
                    await run(source, names)
                    tried += 1
                elif title != "settings.py":
                    await run(source, names)
        assert not server.says
        await provider_registry.close()
    provider_registry.reset()
    assert tried >= 1


@pytest.mark.parametrize("name", ["ai", "local-models"])
def test_every_entry_of_a_page_can_be_made(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOUSE_LLM_KEY", "key")
    made: list[AIProvider] = []
    for _, title, source in blocks(page(f"how-to/{name}.md")):
        if title == "settings.py":
            for entry, config in settings_of(source)["AI_PROVIDERS"].items():
                made += build(entry, config)
    assert made


def test_every_key_is_in_the_reference() -> None:
    text = page("reference/ai.md")
    table = re.findall(r"^\| (`.+?) \|", text, re.MULTILINE)
    named = set(re.findall(r"`(\w+)`", " ".join(table)))
    assert (KEYS | OllamaProvider.KEYS | OpenAIProvider.KEYS) - {"alias"} <= named


def test_every_name_of_the_reference_is_public() -> None:
    text = page("reference/ai.md") + page("how-to/ai.md")
    errors = set(re.findall(r"`(\w+Error)`", text)) - set(vars(builtins))
    assert errors and errors <= set(public)
    for name in (
        "model_router",
        "provider_registry",
        "RecordingProvider",
        "track_usage",
        "ask_for",
    ):
        assert name in public and f"`{name}" in text
