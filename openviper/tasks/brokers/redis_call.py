"""One script of Redis, called without what redis-py does around each call: that is half of what sending a message takes."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import redis


class QuickScript:
    """A script with a connection of its own, which one thread uses at a time.

    What does not go smoothly (Redis does not know the script, the connection is lost) is left to redis-py.

    Args:
        driver: The package.
        client: Makes the connection, and does what the quick way cannot.
        text: The script, which takes no keys.
        was_run: Returns whether it was run with such arguments already: the answer may have been lost with the connection.
    """

    def __init__(
        self,
        driver: Any,
        client: redis.Redis,
        text: str,
        was_run: Callable[[list[Any]], bool],
    ) -> None:
        self._driver = driver
        self._was_run = was_run
        self._pool: Any = client.connection_pool
        self._script: Any = client.register_script(text)
        self._lock = threading.Lock()
        self._connection: Any = None

    def __call__(self, arguments: list[Any]) -> Any:
        """Run the script; the answer is `None` where it was lost and the script has been run.

        Raises:
            redis.RedisError: If Redis does not.
        """
        with self._lock:
            try:
                return self._call(arguments)
            except (self._driver.exceptions.NoScriptError, self._driver.ConnectionError) as error:
                self._drop()
                return self._once_more(arguments, error)
            except BaseException:
                self._drop()  # What it answers may not have been read.
                raise

    def _once_more(self, arguments: list[Any], error: Exception) -> Any:
        is_lost = isinstance(error, self._driver.ConnectionError)
        if is_lost and self._was_run(arguments):
            return None
        return self._script(keys=[], args=arguments)

    def _call(self, arguments: list[Any]) -> Any:
        if self._connection is None:
            self._connection = self._pool.make_connection()
        self._connection.send_command("EVALSHA", self._script.sha, 0, *arguments)
        return self._connection.read_response()

    def _drop(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            with suppress(self._driver.RedisError):
                connection.disconnect()

    def close(self) -> None:
        """Let go of the connection."""
        with self._lock:
            self._drop()
