"""Addresses of the Internet Protocol."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, TypeVar, Unpack, overload

from openviper.db.fields.base import Field, FieldOptions
from openviper.db.fields.text import CharField
from openviper.utils.importing import lazy_module

if TYPE_CHECKING:
    import ipaddress
else:
    ipaddress = lazy_module("ipaddress")

T = TypeVar("T")

Protocol = Literal["both", "IPv4", "IPv6"]
_PROTOCOLS = {"both": (4, 6), "ipv4": (4,), "ipv6": (6,)}


def _plain_address(value: Any) -> Any:
    """Return an address object of the standard library as text, anything else as it is."""
    is_address = type(value).__module__ == "ipaddress"
    return str(value) if is_address else value


class IPAddressField(CharField[T]):
    """An IPv4 or IPv6 address, kept as it is written."""

    default_length = 45

    @overload
    def __init__(
        self: IPAddressField[str], *, null: Literal[False] = ..., **options: Unpack[FieldOptions]
    ) -> None: ...
    @overload
    def __init__(
        self: IPAddressField[str | None], *, null: Literal[True], **options: Unpack[FieldOptions]
    ) -> None: ...
    def __init__(self, *, null: bool = False, **options: Unpack[FieldOptions]) -> None:
        Field.__init__(self, null=null, **options)
        self._set_length(None)

    def to_python(self, value: Any) -> Any:
        """Return the address as text, as it is written."""
        return super().to_python(_plain_address(value))

    def check_form(self, text: str) -> None:
        """Check that it is an address."""
        try:
            ipaddress.ip_address(text)
        except ValueError:
            raise ValueError(f"{self.name}: {text!r} is not an IP address") from None


class GenericIPAddressField(CharField[T]):
    """An IP address in its one normal form, so that equal addresses are equal texts.

    Args:
        protocol: ``"both"``, ``"IPv4"`` or ``"IPv6"``.
        unpack_ipv4: Turn an IPv4 address mapped into IPv6, such as ``::ffff:192.0.2.1``, into the IPv4 address.

    Raises:
        ValueError: If `protocol` is none of these.
    """

    default_length = 39

    @overload
    def __init__(
        self: GenericIPAddressField[str],
        *,
        protocol: Protocol = ...,
        unpack_ipv4: bool = ...,
        null: Literal[False] = ...,
        **options: Unpack[FieldOptions],
    ) -> None: ...
    @overload
    def __init__(
        self: GenericIPAddressField[str | None],
        *,
        protocol: Protocol = ...,
        unpack_ipv4: bool = ...,
        null: Literal[True],
        **options: Unpack[FieldOptions],
    ) -> None: ...
    def __init__(
        self,
        *,
        protocol: Protocol = "both",
        unpack_ipv4: bool = False,
        null: bool = False,
        **options: Unpack[FieldOptions],
    ) -> None:
        Field.__init__(self, null=null, **options)
        self._set_length(None)
        versions = _PROTOCOLS.get(str(protocol).lower())
        if versions is None:
            raise ValueError(f"protocol={protocol!r} is not 'both', 'IPv4' or 'IPv6'")
        self.protocol = protocol
        self.unpack_ipv4 = unpack_ipv4
        self._versions = versions

    def exact_test(self, *, aware: bool) -> str | None:
        """Return no test: every address is brought into its normal form."""
        return None

    def valid_test(self) -> str | None:
        """Return no test: every address is looked at."""
        return None

    def to_python(self, value: Any) -> Any:
        """Return the address as text in its normal form (RFC 5952 for IPv6)."""
        text = super().to_python(_plain_address(value))
        if text is None or (self.blank and not text):
            return text
        return self._normal(text)

    def _normal(self, text: str) -> str:
        try:
            address = ipaddress.ip_address(text.strip())
        except ValueError:
            raise ValueError(f"{self.name}: {text!r} is not an IP address") from None
        if address.version == 6:
            return self._normal_ipv6(address)
        return str(self._checked(address))

    def _normal_ipv6(self, address: ipaddress.IPv6Address) -> str:
        if address.scope_id is not None:  # It means something on one host only.
            raise ValueError(f"{self.name}: {str(address)!r} has a zone")
        if address.ipv4_mapped is None:
            return str(self._checked(address))
        if self.unpack_ipv4:
            return str(self._checked(address.ipv4_mapped))
        # Python before 3.13 writes the last 32 bits in hexadecimal, RFC 5952 section 5 as an IPv4 address.
        return f"::ffff:{self._checked(address).ipv4_mapped}"

    def _checked(self, address: Any) -> Any:
        if address.version not in self._versions:
            raise ValueError(f"{self.name}: {str(address)!r} is not an {self.protocol} address")
        return address
