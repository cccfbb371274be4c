"""What the command `auth-log` shows."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from openviper import auth
from openviper.core.management.accounts import load_user_model
from openviper.core.management.base import UsageError
from openviper.core.management.roles import name_field

if TYPE_CHECKING:
    from openviper.auth.models import AccountEvent


class ListedEvent(NamedTuple):
    """An event as people may see it.

    Attributes:
        when: The moment, in ISO 8601 and UTC.
        event: What has happened.
        user: The name of whose account it is, or its key; empty for nobody's.
        actor: Who did it: the key of a user, or ``os:`` and the name of a person at a command line.
        address: Where it came from.
        user_agent: The browser's name for itself.
        request_id: What the logs call the request.
        details: What else is known.
    """

    when: str
    event: str
    user: str
    actor: str
    address: str
    user_agent: str
    request_id: str
    details: dict[str, Any]


async def listed_events(
    name: str | None,
    *,
    events: Sequence[str],
    address: str,
    since: datetime | None,
    limit: int,
) -> list[ListedEvent]:
    """Return events, the latest first.

    Args:
        name: Only those of the user with this name, or of one that is gone, or with this key.
        events: See `openviper.auth.find_events`.
        address: The same.
        since: The same.
        limit: The same.
    """
    user = None if name is None else await _user_or_key(name)
    found = await auth.find_events(
        user, events=tuple(events), address=address, since=since, limit=limit
    )
    return [_listed(event) for event in found]


async def _user_or_key(name: str) -> Any:
    """Return the user of a name; for a user that is gone, the key that it had, or what may be one."""
    model = load_user_model()
    user = await model.objects.filter(auth.identified_by(model, name_field(model), name)).first()
    if user is not None:
        return user
    former = await auth.AccountEvent.objects.filter(username=name).order_by("-pk").first()
    return name if former is None else former.user_id


def _listed(event: AccountEvent) -> ListedEvent:
    return ListedEvent(
        event.moment.isoformat(timespec="seconds"),
        event.event,
        event.username or event.user_id or "",
        event.actor,
        event.address,
        event.user_agent,
        event.request_id,
        event.details,
    )


def cells(events: Sequence[ListedEvent]) -> list[list[str]]:
    """Return the rows of a table of events."""
    return [
        [
            event.when,
            event.event,
            event.user or "-",
            f"by {event.actor}" if event.actor else "",
            event.address or "-",
            " ".join(f"{name}={value!r}" for name, value in event.details.items()),
        ]
        for event in events
    ]


def moment_of(text: str) -> datetime:
    """Return the moment that a text of ISO 8601 names, in UTC where it says no other zone.

    Raises:
        UsageError: If it names none.
    """
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise UsageError(f"--since must be a date such as 2031-01-31, not {text!r}") from None
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
