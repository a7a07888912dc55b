"""The date and time anywhere: models do not know what day it is."""

from __future__ import annotations

import difflib
import functools
import re
import unicodedata
from datetime import datetime, timedelta
from datetime import timezone as fixed_offset
from typing import Annotated
from zoneinfo import ZoneInfo, available_timezones

from pydantic import Field

from bots.tools.base import ToolContext, ToolError, tool

_OFFSET = re.compile(r"(?:utc|gmt)?\s*([+-])(\d{1,2})(?::?([0-5]\d))?", re.IGNORECASE | re.ASCII)
_NOT_PLACES = {"Factory", "localtime", "posixrules"}  # files of the machine, in the same folder


@tool
def get_datetime(ctx: ToolContext, timezone: Annotated[str, Field(max_length=64)] = "") -> str:
    """The current date, weekday and time in a time zone. Use it whenever an answer depends on today or now.

    timezone: IANA name such as Europe/Berlin, a large city such as Tokyo, or an offset such as UTC+2. Empty: the
        person's own time zone.
    """
    zone = find_zone(timezone.strip() or ctx.timezone)
    return described_time(datetime.now(zone))


def described_time(now: datetime) -> str:
    """An aware moment in words, and on a second line in ISO 8601: `Friday, 24 July 2026, 14:05 (Europe/Berlin, …)`."""
    iso = now.isoformat(timespec="seconds")
    offset = f"UTC{iso[19:]}"
    zone = f"{now.tzinfo.key}, {offset}" if isinstance(now.tzinfo, ZoneInfo) else offset
    return f"{now:%A}, {now.day} {now:%B %Y, %H:%M} ({zone})\nISO 8601: {iso}"


def find_zone(name: str) -> ZoneInfo | fixed_offset:
    """The zone of an IANA name, a city that names one, or an offset. Raises ToolError with the names most like it."""
    if offset := _OFFSET.fullmatch(name):
        return _fixed(*offset.groups(default="0"))
    found = _zones().get(_plain(name), ())
    offsets = {datetime.now(ZoneInfo(zone)).utcoffset() for zone in found}
    if len(offsets) == 1:  # several names may mean one zone: America/Argentina/Buenos_Aires, America/Buenos_Aires
        return ZoneInfo(found[0])
    if found:
        raise ToolError(f"{name!r} may be any of {', '.join(found)}; ask for one of these")
    raise ToolError(f"no time zone is called {name!r};{_similar(name)} give the IANA name of its region")


def _fixed(sign: str, hours: str, minutes: str) -> fixed_offset:
    offset = timedelta(hours=int(hours), minutes=int(minutes))
    if offset > timedelta(hours=14):
        raise ToolError("no place is more than 14 hours from UTC")
    return fixed_offset(-offset if sign == "-" else offset)


def _similar(name: str) -> str:
    near = difflib.get_close_matches(_plain(name), _zones(), n=5, cutoff=0.7)
    names = sorted({zone for key in near for zone in _zones()[key]})[:8]
    return f" similar names: {', '.join(names)}; else" if names else ""


@functools.cache
def _zones() -> dict[str, tuple[str, ...]]:
    """IANA names by plain full name, and by their last part (`new_york`) where that is not a full name itself."""
    names = sorted(available_timezones() - _NOT_PLACES)
    found: dict[str, tuple[str, ...]] = {}
    for name in names:
        city = _plain(name.rpartition("/")[2])
        found[city] = (*found.get(city, ()), name)
    return found | {_plain(name): (name,) for name in names}


def _plain(name: str) -> str:
    """`Europe/Zürich` → `europe/zurich`, `New York` → `new_york`."""
    letters = unicodedata.normalize("NFKD", name.strip().casefold())
    return "".join("_" if c in " -" else c for c in letters if not unicodedata.combining(c))
