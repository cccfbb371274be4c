"""What OpenViper uses of PyMySQL, which has no types of its own."""

from collections.abc import Mapping
from ssl import SSLContext
from typing import Any, Generic, TypeVar, overload

from pymysql.cursors import Cursor

C = TypeVar("C", bound=Cursor)

class Error(Exception): ...

class Connection(Generic[C]):
    _result: Any
    _sock: Any
    open: bool
    server_status: int
    def __init__(
        self,
        *,
        host: str | None = ...,
        port: int = ...,
        user: str | None = ...,
        password: str = ...,
        database: str | None = ...,
        unix_socket: str | None = ...,
        charset: str = ...,
        connect_timeout: int = ...,
        ssl: SSLContext | None = ...,
        ssl_disabled: bool = ...,
        auth_plugin_map: Mapping[str, type[Any]] = ...,
        autocommit: bool = ...,
        conv: Mapping[int, Any] | None = ...,
        client_flag: int = ...,
    ) -> None: ...
    @overload
    def cursor(self, cursor: None = ...) -> C: ...
    @overload
    def cursor(self, cursor: type[Cursor]) -> Cursor: ...
    def _read_query_result(self, unbuffered: bool = ...) -> int: ...
    def _force_close(self) -> None: ...
    def close(self) -> None: ...
    def get_server_info(self) -> str: ...
    def thread_id(self) -> int: ...

def connect(
    *,
    host: str | None = ...,
    port: int = ...,
    user: str | None = ...,
    password: str = ...,
    database: str | None = ...,
    unix_socket: str | None = ...,
    charset: str = ...,
    connect_timeout: int = ...,
    ssl: SSLContext | None = ...,
    ssl_disabled: bool = ...,
    auth_plugin_map: Mapping[str, type[Any]] = ...,
    autocommit: bool = ...,
    conv: Mapping[int, Any] | None = ...,
    client_flag: int = ...,
) -> Connection[Cursor]: ...
