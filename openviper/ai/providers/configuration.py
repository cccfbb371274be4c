"""The configuration of a provider that asks a server, checked once."""

from __future__ import annotations

import math
import os
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from openviper.ai.exceptions import ProviderNotConfiguredError
from openviper.ai.http.client import MAX_ANSWER
from openviper.ai.http.connecting import Proxy, Route, parse_proxy
from openviper.ai.http.endpoint import parse_endpoint
from openviper.ai.http.patience import Timeouts
from openviper.ai.provider_utils import clamp_temperature
from openviper.ai.usage import Price, read_prices
from openviper.utils.identifiers import closest

KEYS = frozenset(
    {
        "alias",
        "allow_http",
        "api_key",
        "api_key_env",
        "base_url",
        "ca_file",
        "connect_timeout",
        "embed_model",
        "first_token_timeout",
        "headers",
        "idle_timeout",
        "max_answer_bytes",
        "max_retries",
        "max_tokens",
        "model",
        "models",
        "prices",
        "proxy",
        "public_only",
        "retry_delay",
        "temperature",
        "timeout",
    }
)
"""What every such provider may be given."""


@dataclass(frozen=True, slots=True)
class RemoteConfig:
    """What a provider was given, understood.

    Attributes:
        route: Where the server is.
        timeouts: How long it may take.
        headers: Fields of every request, the key left out.
        api_key: The key; empty for none.
        max_retries: Attempts after the first one.
        retry_delay: Seconds before the second one.
        max_answer_bytes: Longest answer.
        defaults: Options of calls that do not give them.
        embed_model: The model for vectors.
        prices: What models cost.
    """

    route: Route
    timeouts: Timeouts
    headers: Mapping[str, str] = field(repr=False)
    api_key: str = field(repr=False)
    max_retries: int
    retry_delay: float
    max_answer_bytes: int
    defaults: Mapping[str, object]
    embed_model: str | None
    prices: Mapping[str, Price]


class ConfigReader:
    """Reads a configuration, and refuses what it cannot mean.

    Args:
        provider: The name of the provider, for errors.
        config: The configuration.
        keys: The keys it may have.

    Raises:
        ProviderNotConfiguredError: If it has another one.
    """

    def __init__(self, provider: str, config: Mapping[str, object], keys: Collection[str]) -> None:
        self._provider = provider
        self._config = config
        for key in sorted(set(config) - set(keys)):
            guess = closest(key, sorted(keys))
            raise self.wrong(
                f"it knows no key {key!r}" + (f"; did you mean {guess!r}?" if guess else "")
            )

    def wrong(self, reason: str) -> ProviderNotConfiguredError:
        """Return the error for a reason."""
        return ProviderNotConfiguredError(self._provider, reason)

    def text(self, key: str, default: str = "") -> str:
        """Return a text."""
        value = self._config.get(key)
        if value is None:
            return default
        if not isinstance(value, str):
            # Not shown: it may be meant for a key.
            raise self.wrong(f"{key} is a {type(value).__name__}, not a text")
        return value

    def flag(self, key: str, default: bool = False) -> bool:
        """Return a truth value."""
        value = self._config.get(key, default)
        if not isinstance(value, bool):
            raise self.wrong(f"{key} is {value!r}, not True or False")
        return value

    def seconds(self, key: str, default: float) -> float:
        """Return a time that is more than 0."""
        value = self._config.get(key, default)
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        if not is_number or not isinstance(value, int | float) or not 0 < value < math.inf:
            raise self.wrong(f"{key} is {value!r}, not a number of seconds above 0")
        return float(value)

    def whole(self, key: str, default: int, *, least: int) -> int:
        """Return a whole number."""
        value = self._config.get(key, default)
        if not isinstance(value, int) or isinstance(value, bool) or value < least:
            raise self.wrong(f"{key} is {value!r}, not a whole number of at least {least}")
        return value

    def texts(self, key: str) -> dict[str, str]:
        """Return texts by name."""
        value = self._config.get(key, {})
        if not isinstance(value, Mapping):
            raise self.wrong(f"{key} is a {type(value).__name__}, not a map")
        for name, text in value.items():
            if not isinstance(name, str) or not isinstance(text, str):
                raise self.wrong(f"{key} holds {name!r} with something that is not a text")
        return dict(value)

    def check_models(self) -> None:
        """Refuse models that are no texts, which would never be asked."""
        for key in ("model", "models"):
            value = self._config.get(key)
            found = list(value.values()) if isinstance(value, Mapping) else value
            for model in found if isinstance(found, list | tuple) else [found]:
                if model is not None and not (isinstance(model, str) and model):
                    raise self.wrong(f"{key} holds {model!r}, which is not the id of a model")

    def read(self, *, base_url: str, key_variable: str) -> RemoteConfig:
        """Return the configuration.

        Args:
            base_url: Where the server is if nothing is said.
            key_variable: The variable of the environment with the key; empty for none.

        Raises:
            ProviderNotConfiguredError: If a value cannot be used.
        """
        timeout = self.seconds("timeout", 120.0)
        return RemoteConfig(
            route=self._route(base_url),
            timeouts=Timeouts(
                connect=self.seconds("connect_timeout", min(10.0, timeout)),
                first_token=self.seconds("first_token_timeout", timeout),
                total=timeout,
                idle=self.seconds("idle_timeout", min(60.0, timeout)),
            ),
            headers=self.texts("headers"),
            api_key=self._key(key_variable),
            max_retries=self.whole("max_retries", 2, least=0),
            retry_delay=self.seconds("retry_delay", 0.5),
            max_answer_bytes=self.whole("max_answer_bytes", MAX_ANSWER, least=1),
            defaults=self._defaults(),
            embed_model=self.text("embed_model") or None,
            prices=self._prices(),
        )

    def _route(self, base_url: str) -> Route:
        allow_http = self.flag("allow_http")
        try:
            return Route(
                parse_endpoint(self.text("base_url", base_url), allow_http=allow_http),
                proxy=self._proxy(),
                ca_file=self.text("ca_file") or None,
                allow_http=allow_http,
                public_only=self.flag("public_only"),
            )
        except ValueError as error:
            raise self.wrong(f"base_url or proxy: {error}") from None

    def _proxy(self) -> Proxy | None:
        proxy = self.text("proxy")
        return parse_proxy(proxy) if proxy else None

    def _key(self, variable: str) -> str:
        given = self.text("api_key")
        key = given or os.environ.get(self.text("api_key_env") or variable, "")
        if not key.isprintable() or not key.isascii():
            raise self.wrong("the key has characters that cannot be sent")
        return key.strip()

    def _defaults(self) -> dict[str, object]:
        found: dict[str, object] = {}
        if self._config.get("max_tokens") is not None:
            found["max_tokens"] = self.whole("max_tokens", 0, least=1)
        temperature = self._config.get("temperature")
        if temperature is not None:
            found["temperature"] = clamp_temperature(temperature)
            if found["temperature"] is None:
                raise self.wrong(f"temperature is {temperature!r}, not a number")
        return found

    def _prices(self) -> dict[str, Price]:
        try:
            return read_prices(self._config.get("prices", {}))
        except ValueError as error:
            raise self.wrong(str(error)) from None
