"""What authors of providers may rely on: these names stay as they are within a major version of the interface."""

from __future__ import annotations

from openviper.ai.base import AIProvider
from openviper.ai.exceptions import (
    ModelUnavailableError,
    ProviderNotAvailableError,
    ProviderNotConfiguredError,
)
from openviper.ai.registry import ProviderRegistry, provider_registry
from openviper.exceptions import AIException, ModelCollisionError, ModelNotFoundError

EXTENSION_API_VERSION = (1, 0)
"""Major and minor version of this interface."""

__all__ = [
    "EXTENSION_API_VERSION",
    "AIException",
    "AIProvider",
    "ModelCollisionError",
    "ModelNotFoundError",
    "ModelUnavailableError",
    "ProviderNotAvailableError",
    "ProviderNotConfiguredError",
    "ProviderRegistry",
    "provider_registry",
]
