"""The providers that are part of OpenViper; each is imported when it is first used."""

from __future__ import annotations

PROVIDER_MAP = {
    "OllamaProvider": "openviper.ai.providers.ollama",
    "OpenAIProvider": "openviper.ai.providers.openai",
}
"""The module of each class."""
PROVIDER_TYPE_MAP = {
    "ollama": "openviper.ai.providers.ollama.OllamaProvider",
    "openai": "openviper.ai.providers.openai.OpenAIProvider",
}
"""The dotted path of the class of each type."""
