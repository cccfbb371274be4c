"""Models of language behind one interface: local servers first, no package of a vendor.

Everything is imported when it is first used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from openviper.utils.exports import lazy_exports

if TYPE_CHECKING:
    from openviper.ai.base import AIProvider as AIProvider
    from openviper.ai.devkit import SimpleProvider as SimpleProvider
    from openviper.ai.devkit import StreamingAdapter as StreamingAdapter
    from openviper.ai.devkit import map_http_error as map_http_error
    from openviper.ai.devkit import normalize_response as normalize_response
    from openviper.ai.exceptions import ModelUnavailableError as ModelUnavailableError
    from openviper.ai.exceptions import ProviderAnswerError as ProviderAnswerError
    from openviper.ai.exceptions import ProviderNotAvailableError as ProviderNotAvailableError
    from openviper.ai.exceptions import ProviderNotConfiguredError as ProviderNotConfiguredError
    from openviper.ai.exceptions import ProviderTimeoutError as ProviderTimeoutError
    from openviper.ai.exceptions import RecordingError as RecordingError
    from openviper.ai.exceptions import StructuredAnswerError as StructuredAnswerError
    from openviper.ai.exceptions import ToolError as ToolError
    from openviper.ai.exceptions import ToolLoopError as ToolLoopError
    from openviper.ai.exceptions import UsageLimitError as UsageLimitError
    from openviper.ai.extension import EXTENSION_API_VERSION as EXTENSION_API_VERSION
    from openviper.ai.provider_utils import CHARS_PER_TOKEN as CHARS_PER_TOKEN
    from openviper.ai.provider_utils import MAX_LINE_BYTES as MAX_LINE_BYTES
    from openviper.ai.provider_utils import clamp_temperature as clamp_temperature
    from openviper.ai.provider_utils import filter_kwargs as filter_kwargs
    from openviper.ai.providers import PROVIDER_MAP as PROVIDER_MAP
    from openviper.ai.providers import PROVIDER_TYPE_MAP as PROVIDER_TYPE_MAP
    from openviper.ai.providers.ollama import OllamaProvider as OllamaProvider
    from openviper.ai.providers.openai import OpenAIProvider as OpenAIProvider
    from openviper.ai.recording import RecordingProvider as RecordingProvider
    from openviper.ai.registry import ProviderRegistry as ProviderRegistry
    from openviper.ai.registry import provider_registry as provider_registry
    from openviper.ai.registry import resolve_provider_class as resolve_provider_class
    from openviper.ai.router import ModelRouter as ModelRouter
    from openviper.ai.router import model_router as model_router
    from openviper.ai.security import LOCALHOST_HOSTS as LOCALHOST_HOSTS
    from openviper.ai.security import fetch_image as fetch_image
    from openviper.ai.security import is_private_address as is_private_address
    from openviper.ai.security import validate_base_url as validate_base_url
    from openviper.ai.security import validate_image_url as validate_image_url
    from openviper.ai.structured import ask_for as ask_for
    from openviper.ai.tools import Tool as Tool
    from openviper.ai.tools import run_tools as run_tools
    from openviper.ai.tools import stream_tools as stream_tools
    from openviper.ai.types import AIConfig as AIConfig
    from openviper.ai.types import AIOptions as AIOptions
    from openviper.ai.types import ChatEvent as ChatEvent
    from openviper.ai.types import DoneEvent as DoneEvent
    from openviper.ai.types import Image as Image
    from openviper.ai.types import Message as Message
    from openviper.ai.types import ModerationResult as ModerationResult
    from openviper.ai.types import Reply as Reply
    from openviper.ai.types import TextEvent as TextEvent
    from openviper.ai.types import ToolCall as ToolCall
    from openviper.ai.types import ToolCallEvent as ToolCallEvent
    from openviper.ai.types import ToolEvent as ToolEvent
    from openviper.ai.types import ToolResultEvent as ToolResultEvent
    from openviper.ai.types import ToolSpec as ToolSpec
    from openviper.ai.types import Usage as Usage
    from openviper.ai.usage import UsageReport as UsageReport
    from openviper.ai.usage import track_usage as track_usage
    from openviper.exceptions import AIException as AIException
    from openviper.exceptions import ModelCollisionError as ModelCollisionError
    from openviper.exceptions import ModelNotFoundError as ModelNotFoundError

__all__, __getattr__, __dir__ = lazy_exports(
    __name__,
    {
        "openviper.ai.base": ("AIProvider",),
        "openviper.ai.devkit": (
            "SimpleProvider",
            "StreamingAdapter",
            "map_http_error",
            "normalize_response",
        ),
        "openviper.ai.exceptions": (
            "ModelUnavailableError",
            "ProviderAnswerError",
            "ProviderNotAvailableError",
            "ProviderNotConfiguredError",
            "ProviderTimeoutError",
            "RecordingError",
            "StructuredAnswerError",
            "ToolError",
            "ToolLoopError",
            "UsageLimitError",
        ),
        "openviper.ai.extension": ("EXTENSION_API_VERSION",),
        "openviper.ai.provider_utils": (
            "CHARS_PER_TOKEN",
            "MAX_LINE_BYTES",
            "clamp_temperature",
            "filter_kwargs",
        ),
        "openviper.ai.providers": (
            "PROVIDER_MAP",
            "PROVIDER_TYPE_MAP",
        ),
        "openviper.ai.providers.ollama": ("OllamaProvider",),
        "openviper.ai.providers.openai": ("OpenAIProvider",),
        "openviper.ai.recording": ("RecordingProvider",),
        "openviper.ai.registry": (
            "ProviderRegistry",
            "provider_registry",
            "resolve_provider_class",
        ),
        "openviper.ai.router": (
            "ModelRouter",
            "model_router",
        ),
        "openviper.ai.security": (
            "LOCALHOST_HOSTS",
            "fetch_image",
            "is_private_address",
            "validate_base_url",
            "validate_image_url",
        ),
        "openviper.ai.structured": ("ask_for",),
        "openviper.ai.tools": (
            "Tool",
            "run_tools",
            "stream_tools",
        ),
        "openviper.ai.types": (
            "AIConfig",
            "AIOptions",
            "ChatEvent",
            "DoneEvent",
            "Image",
            "Message",
            "ModerationResult",
            "Reply",
            "TextEvent",
            "ToolCall",
            "ToolCallEvent",
            "ToolEvent",
            "ToolResultEvent",
            "ToolSpec",
            "Usage",
        ),
        "openviper.ai.usage": (
            "UsageReport",
            "track_usage",
        ),
        "openviper.exceptions": (
            "AIException",
            "ModelCollisionError",
            "ModelNotFoundError",
        ),
    },
)
