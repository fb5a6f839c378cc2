"""Tells clients of the site apart by the networks that they come from."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Network, ip_address

from django.conf import settings
from django.http import HttpRequest

SUBSCRIBER, SITE = 64, 48
"""Prefixes of IPv6: one subscriber has at least a /64, and usually gets a whole /48 or can (RFC 6177)."""


def networks_of(request: HttpRequest) -> tuple[str, ...]:
    """Return the networks that a request comes from, the narrowest first: an IPv4 address, or an IPv6 /64 and its /48."""
    address = request.META.get("REMOTE_ADDR", "")
    if settings.BEHIND_PROXY:
        # The proxy adds the address that it sees at the end. What stands before is whatever the client sent.
        address = request.headers.get("X-Forwarded-For", "").rpartition(",")[2].strip() or address
    try:
        parsed = ip_address(address)
    except ValueError:
        return ("unknown",)
    mapped = parsed if isinstance(parsed, IPv4Address) else parsed.ipv4_mapped
    if mapped:
        return (str(mapped),)
    return tuple(str(IPv6Network((int(parsed), prefix), strict=False)) for prefix in (SUBSCRIBER, SITE))
