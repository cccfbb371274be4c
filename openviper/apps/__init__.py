"""The life of an application: setting up, starting and stopping its apps."""

from __future__ import annotations

from openviper.apps.lifecycle import AppLifecycle, AppLifecycleManager

__all__ = ["AppLifecycle", "AppLifecycleManager"]
