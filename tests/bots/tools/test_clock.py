"""Times in zones, and the names people give to zones."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest

from bots.tools.base import ToolContext, ToolError, described
from bots.tools.clock import described_time, find_zone, get_datetime

CONTEXT = ToolContext(workspace_id="1", bot_id="2", timezone="Asia/Kolkata")


def test_a_moment_is_told_in_words_and_in_iso_8601() -> None:
    moment = datetime(2026, 7, 4, 8, 5, 9, tzinfo=ZoneInfo("Europe/Berlin"))

    assert described_time(moment) == (
        "Saturday, 4 July 2026, 08:05 (Europe/Berlin, UTC+02:00)\nISO 8601: 2026-07-04T08:05:09+02:00"
    )
    assert described_time(datetime(2026, 1, 1, tzinfo=timezone(timedelta(hours=-3, minutes=-30)))) == (
        "Thursday, 1 January 2026, 00:00 (UTC-03:30)\nISO 8601: 2026-01-01T00:00:00-03:30"
    )


@pytest.mark.parametrize(("asked", "zone"), [("", "Asia/Kolkata"), ("  ", "Asia/Kolkata"), ("Tokyo", "Asia/Tokyo")])
def test_the_time_is_now_in_the_zone_asked_for_or_else_the_persons(asked: str, zone: str) -> None:
    text = get_datetime(CONTEXT, asked)

    told = datetime.fromisoformat(text.rpartition(" ")[2])
    assert abs(told - datetime.now(UTC)) < timedelta(seconds=5)
    assert f"({zone}, UTC" in text


@pytest.mark.parametrize(
    ("name", "zone"),
    [
        ("Europe/Berlin", "Europe/Berlin"),
        ("europe/berlin", "Europe/Berlin"),
        ("Berlin", "Europe/Berlin"),
        ("new york", "America/New_York"),
        ("São Paulo", "America/Sao_Paulo"),
        ("ZÜRICH", "Europe/Zurich"),
        ("Port-au-Prince", "America/Port-au-Prince"),
        ("Buenos Aires", "America/Argentina/Buenos_Aires"),
        ("Japan", "Japan"),
        ("UTC", "UTC"),
    ],
)
def test_zones_are_found_by_name_and_by_city(name: str, zone: str) -> None:
    found = find_zone(name)

    assert isinstance(found, ZoneInfo)
    assert found.key == zone


@pytest.mark.parametrize(
    ("name", "hours"),
    [("UTC+2", 2), ("gmt-2", -2), ("+05:30", 5.5), ("-0330", -3.5), ("UTC +14", 14), ("GMT-0", 0)],
)
def test_offsets_mean_what_people_mean_by_them(name: str, hours: float) -> None:
    assert datetime.now(find_zone(name)).utcoffset() == timedelta(hours=hours)  # the zone Etc/GMT-2 is two ahead


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("Berln", "similar names: Europe/Berlin"),
        ("Tokio", "similar names: Asia/Tokyo"),
        ("West", "may be any of Australia/West, Brazil/West"),
        ("Xanadu on Mars", "give the IANA name of its region"),
        ("../../etc/passwd", "give the IANA name of its region"),
        ("localtime", "give the IANA name of its region"),
        ("UTC+15", "more than 14 hours"),
        ("UTC+14:30", "more than 14 hours"),
        ("", "give the IANA name of its region"),
    ],
)
def test_an_unknown_zone_is_refused_with_a_hint(name: str, hint: str) -> None:
    with pytest.raises(ToolError) as raised:
        find_zone(name)

    assert hint in str(raised.value)


def test_the_model_is_told_what_a_time_zone_may_be() -> None:
    timezone_schema = described(get_datetime).parameters["properties"]["timezone"]

    assert "Europe/Berlin" in timezone_schema["description"]
    assert timezone_schema["default"] == ""
