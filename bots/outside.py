"""The one HTTP client for addresses that come from rows, models or people: it reaches public hosts only.

The name is resolved once, every address is checked, and the connection goes to an address that was checked, so that a
name cannot point elsewhere a moment later. Redirects are not followed. PRIVATE_NETWORKS names networks that are allowed
all the same. Addresses from the environment need none of this.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from django.conf import settings

LONGEST_ANSWER = 1024 * 1024
EMBEDDED = [ipaddress.ip_network(text) for text in ("64:ff9b::/96", "::/96")]  # IPv6 that carries an IPv4 in its end


class Refused(Exception):
    """An address that may not be asked, or is none."""


class Unreachable(Exception):
    """Nobody was asked: no connection was made."""


class Broken(Exception):
    """The connection failed after the request had begun: it may have been taken."""


@dataclass(frozen=True, slots=True)
class Response:
    """`body`: at most LONGEST_ANSWER bytes of it. Header names are lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


def connector(**more: Any) -> aiohttp.TCPConnector:
    """Connections to public hosts only, whatever a name leads to. A literal IP is not looked up: `check` it."""
    return aiohttp.TCPConnector(resolver=_Resolver(), **more)


async def post(url: str, *, body: bytes, headers: Mapping[str, str], seconds: float = 10) -> Response:
    """The answer to a POST. Raises Refused, Unreachable, Broken."""
    check(url)
    timeout = aiohttp.ClientTimeout(total=seconds, sock_connect=min(5, seconds))
    once = connector(force_close=True)
    try:
        async with (
            aiohttp.ClientSession(connector=once, timeout=timeout, auto_decompress=False) as session,
            session.post(url, data=body, headers=dict(headers), allow_redirects=False) as answer,
        ):
            told = {name.lower(): value for name, value in answer.headers.items()}
            return Response(answer.status, told, await answer.content.read(LONGEST_ANSWER))
    except aiohttp.ClientConnectorError as error:
        if isinstance(error.os_error, Refused):
            raise error.os_error from None
        raise Unreachable(f"{urlsplit(url).hostname} cannot be reached") from None
    except (aiohttp.ClientError, TimeoutError, OSError) as error:
        raise Broken(type(error).__name__) from None


def public(address: str) -> bool:
    """Whether the address belongs to the public internet, or to a network of PRIVATE_NETWORKS."""
    found: Any = ipaddress.ip_address(address.partition("%")[0])
    if any(found in ipaddress.ip_network(network) for network in settings.PRIVATE_NETWORKS):
        return True
    inner = _embedded(found)
    return bool(found.is_global and not found.is_multicast) if inner is None else public(str(inner))


def _embedded(address: Any) -> ipaddress.IPv4Address | None:
    """The IPv4 address inside an IPv6 one that is only its wrapping."""
    if address.version == 4:
        return None
    for network in EMBEDDED:
        if address in network and int(address) > 1:
            return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    wrapped: ipaddress.IPv4Address | None = address.ipv4_mapped or address.sixtofour
    return wrapped or (address.teredo[1] if address.teredo else None)


def check(url: str) -> None:
    """Raises Refused unless the address has the form of a web page's, and is public where that needs no look-up."""
    try:
        parts = urlsplit(url)
        host, _port = parts.hostname, parts.port
    except ValueError:
        raise Refused("this is no address") from None
    if parts.scheme not in ("http", "https") or not host or parts.username or parts.password:
        raise Refused("only http and https addresses without a user name are called")
    for literal in _literals(host):
        if not public(literal):
            raise Refused(f"{host} is no public address; PRIVATE_NETWORKS can allow it")


def _literals(host: str) -> list[str]:
    """The IP addresses that a host is by its name alone."""
    if host.lower().rstrip(".") == "localhost":
        return ["127.0.0.1"]
    try:
        return [str(ipaddress.ip_address(host.partition("%")[0]))]
    except ValueError:
        return []


class _Resolver(AbstractResolver):
    """aiohttp's way to look a name up: all of its addresses are public, or none is used."""

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        loop = asyncio.get_running_loop()
        found = await loop.getaddrinfo(host, port, family=family, type=socket.SOCK_STREAM)
        for entry in found:
            if not public(str(entry[4][0])):
                raise _RefusedName(f"{host} leads to an address that is not public; PRIVATE_NETWORKS can allow it")
        return [
            ResolveResult(hostname=host, host=str(entry[4][0]), port=port, family=entry[0], proto=0, flags=0)
            for entry in found
        ]

    async def close(self) -> None:
        """Nothing is kept."""


class _RefusedName(Refused, OSError):
    """Refused, in the class that aiohttp passes through."""
