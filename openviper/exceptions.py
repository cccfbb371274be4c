"""Every exception of OpenViper's public interface.

::

    OpenViperException
    ├─ ImproperlyConfigured
    ├─ SettingsValidationError
    ├─ HTTPException
    │  ├─ NotFound · MethodNotAllowed · PermissionDenied · Unauthorized
    │  ├─ ValidationError · Conflict · TooManyRequests · ServiceUnavailable
    │  └─ AuthenticationFailed
    │     └─ TokenExpired
    ├─ ORMException
    │  ├─ DoesNotExist · MultipleObjectsReturned · IntegrityError
    │  ├─ TableNotFound · QueryError · FieldError
    │  │  └─ InvalidPage (an HTTPException and a ValueError, too)
    ├─ MigrationError
    └─ AIException
       ├─ ModelNotFoundError
       └─ ModelCollisionError

Database, lifecycle and command errors live beside the code that raises them and derive from this tree.
"""

from __future__ import annotations

# Not from `typing`, and the table of statuses is imported late: a wrong command name is to be answered at once.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from typing import Any, TypeAlias

DetailValue: TypeAlias = str | dict[str, str | int] | list[dict[str, str | int]] | None
"""What an HTTP error may tell the client."""


class OpenViperException(Exception):
    """The root of all errors raised by OpenViper."""

    def __reduce__(self) -> tuple[Callable[..., OpenViperException], tuple[Any, ...]]:
        # The default calls the class with `args`, the finished message, which most constructors here do not take.
        return _rebuild, (type(self), self.args, dict(self.__dict__))


def _rebuild(
    cls: type[OpenViperException], args: tuple[Any, ...], state: dict[str, Any]
) -> OpenViperException:
    error = cls.__new__(cls, *args)
    error.args = args  # OSError, a base of some, leaves this to `__init__`.
    error.__dict__.update(state)
    return error


class ImproperlyConfigured(OpenViperException):
    """The project's configuration cannot work."""


class SettingsValidationError(OpenViperException):
    """One or more settings have values that are not allowed.

    Attributes:
        errors: One sentence per violation.
    """

    def __init__(self, errors: Iterable[str]) -> None:
        self.errors = list(errors)
        super().__init__("\n".join(f"  - {error}" for error in self.errors))


def check_status(status: object) -> int:
    """Return a status with which a request can be answered.

    Raises:
        ValueError: If it is none: that is a number from 200 to 599. Lower ones announce an answer (RFC 9110, 15.2).
    """
    if isinstance(status, bool) or not isinstance(status, int) or not 200 <= status <= 599:
        raise ValueError(f"the status of an answer is a number from 200 to 599, not {status!r}")
    return int(status)


class HTTPException(OpenViperException):
    """An answer with an HTTP error status.

    Args:
        status_code: The HTTP status, for example 418.
        detail: What the client is told; the standard phrase of the status when `None`.
        headers: Further response headers.

    Raises:
        ValueError: If the status is none of an answer.
    """

    def __init__(
        self,
        status_code: int,
        detail: DetailValue = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        self.status_code = check_status(status_code)
        self.detail: DetailValue = self.default_detail(status_code) if detail is None else detail
        self.headers: dict[str, str] = dict(headers or {})
        super().__init__(f"HTTP {status_code}: {self.detail}")

    @staticmethod
    def default_detail(status_code: int) -> str:
        """Return the standard phrase of a status, or ``"Error"`` for an unknown one (RFC 9110, section 15)."""
        from http import HTTPStatus

        try:
            return HTTPStatus(status_code).phrase
        except ValueError:
            return "Error"


class NotFound(HTTPException):
    """404: nothing lives at this address."""

    def __init__(
        self, detail: DetailValue = "Not found.", headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(404, "Not found." if detail is None else detail, headers)


class MethodNotAllowed(HTTPException):
    """405: the address exists, but not for this method."""

    def __init__(self, allowed: Sequence[str]) -> None:
        self.allowed = list(allowed)
        super().__init__(405, "Method not allowed.", {"Allow": ", ".join(self.allowed)})


class PermissionDenied(HTTPException):
    """403: the user is known and may not do this."""

    def __init__(
        self, detail: DetailValue = "Permission denied.", headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(403, "Permission denied." if detail is None else detail, headers)


class Unauthorized(HTTPException):
    """401: the request needs credentials (RFC 6750 for the challenge)."""

    def __init__(
        self,
        detail: DetailValue = "Authentication required.",
        headers: Mapping[str, str] | None = None,
    ) -> None:
        detail = "Authentication required." if detail is None else detail
        super().__init__(401, detail, {"WWW-Authenticate": "Bearer", **(headers or {})})


class AuthenticationFailed(HTTPException):
    """401: the credentials sent are not valid."""

    def __init__(
        self,
        detail: DetailValue = "Invalid credentials.",
        headers: Mapping[str, str] | None = None,
    ) -> None:
        detail = "Invalid credentials." if detail is None else detail
        super().__init__(401, detail, {"WWW-Authenticate": "Bearer", **(headers or {})})


class TokenExpired(AuthenticationFailed):
    """401: the token was valid once and is not any more."""

    def __init__(self) -> None:
        super().__init__("Token has expired.")


class ValidationError(HTTPException):
    """422: the data sent does not fit.

    Attributes:
        validation_errors: The errors as given.
    """

    def __init__(self, errors: list[Any] | dict[str, Any]) -> None:
        self.validation_errors = errors
        # Errors may nest deeper than DetailValue says; the client is shown them as they are.
        detail: Any = errors
        super().__init__(422, detail)


class Conflict(HTTPException):
    """409: the request contradicts the present state."""

    def __init__(self, detail: DetailValue = "Conflict.") -> None:
        super().__init__(409, "Conflict." if detail is None else detail)


class TooManyRequests(HTTPException):
    """429: the client has to wait.

    Args:
        retry_after: Seconds to wait, sent as ``Retry-After``.
        detail: What the client is told.
    """

    def __init__(self, retry_after: int | None = None, detail: DetailValue = None) -> None:
        self.retry_after = retry_after
        headers = {} if retry_after is None else {"Retry-After": str(retry_after)}
        super().__init__(429, "Too many requests." if detail is None else detail, headers)


class ServiceUnavailable(HTTPException):
    """503: not now."""

    def __init__(self, detail: DetailValue = "Service unavailable.") -> None:
        super().__init__(503, "Service unavailable." if detail is None else detail)


class ORMException(OpenViperException):
    """The root of the errors of models and queries."""


class DoesNotExist(ORMException):
    """No row matches."""


class MultipleObjectsReturned(ORMException):
    """More than one row matches where one was asked for."""


class IntegrityError(ORMException):
    """The database refused a write: unique, foreign key, NOT NULL or CHECK. `__cause__` is the driver's error."""


class TableNotFound(ORMException):
    """The table of a model does not exist in the database."""

    def __init__(self, model_name: str, table_name: str) -> None:
        self.model_name = model_name
        self.table_name = table_name
        super().__init__(
            f"table {table_name!r} of model {model_name!r} does not exist; "
            "run `python viperctl.py migrate` to create it"
        )


class QueryError(ORMException):
    """A query is built in a way that cannot work."""

    def __init__(self, detail: str = "Invalid query.") -> None:
        self.detail: DetailValue = detail
        super().__init__(detail)


class InvalidPage(QueryError, HTTPException, ValueError):  # noqa: N818 - as HTTPException is
    """400: a page that a query cannot have, by a number or by a cursor; both usually come from an address."""

    def __init__(self, detail: str) -> None:
        HTTPException.__init__(self, 400, detail)


class FieldError(ORMException):
    """A name in a query or in Meta is not a field, relation or lookup."""

    def __init__(self, detail: str = "Field does not exist.") -> None:
        self.detail = detail
        super().__init__(detail)


class MigrationError(OpenViperException):
    """The schema or its files cannot be brought to the wanted state."""


class AIException(OpenViperException):
    """The root of the errors of AI providers."""


class ModelNotFoundError(AIException):
    """No provider offers the model."""

    def __init__(self, model: str, available: Iterable[str] | None = None) -> None:
        self.model = model
        self.available = list(available or ())
        known = f"; available: {', '.join(self.available)}" if self.available else ""
        super().__init__(f"no provider offers the model {model!r}{known}")


class ModelCollisionError(AIException):
    """Two providers offer the same model."""

    def __init__(self, model: str, existing_provider: str, new_provider: str) -> None:
        self.model = model
        self.existing_provider = existing_provider
        self.new_provider = new_provider
        super().__init__(
            f"model {model!r} of provider {new_provider!r} is already offered by {existing_provider!r}"
        )
