"""Slots by schedule, over changes of the clock, and the hours in which none starts."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import Phase, example, given, settings
from hypothesis import strategies as st

from categoriser import ConfigurationError, Settings
from categoriser.maintenance.timing import (
    Timetable,
    parse_quiet_hours,
    parse_schedule,
    slot_moment,
    slot_name,
    time_zone,
)
from tests.examples import examples

BERLIN = ZoneInfo("Europe/Berlin")  # 2026: forward on 29 March at 01:00 UTC, back on 25 October at 01:00 UTC

moments = st.floats(1.5e9, 2.5e9)
fields = st.tuples(
    st.sampled_from(["*", "0", "30", "*/20", "5,35", "10-12"]),
    st.sampled_from(["*", "3", "*/6", "1-5", "22,23,0"]),
    st.sampled_from(["*", "1", "31", "10-20/5"]),
    st.sampled_from(["*", "2", "1-6", "oct"]),
    st.sampled_from(["*", "0", "7", "1-5", "fri-sun", "5-7", "*/2", "sat", "1,3"]),
).filter(lambda parts: parts[2:4] != ("31", "2") or parts[4][0] != "*")  # there is no 31 February


def at(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


def utc(moment: float) -> str:
    return datetime.fromtimestamp(moment, UTC).strftime("%m-%d %H:%M")


@given(number=st.integers(1, 500), unit=st.sampled_from(["m", "h", "min", "hours"]), now=moments)
def test_intervals_begin_at_multiples_of_themselves(number: int, unit: str, now: float) -> None:
    seconds = number * {"m": 60, "h": 3600}[unit[0]]
    timing = parse_schedule(f"every {number} {unit}", UTC)
    assert timing is not None
    assert timing.latest(now) % seconds == 0
    assert timing.latest(now) <= now < timing.following(now)
    assert timing.following(now) - timing.latest(now) == seconds


@settings(deadline=None, max_examples=examples(60), phases=[Phase.explicit, Phase.reuse, Phase.generate])
@given(parts=fields, now=st.floats(at("2020-01-01T00:00+00:00"), at("2035-01-01T00:00+00:00")))
@example(parts=("30", "3", "31", "*", "*"), now=at("2026-03-01T00:00+00:00"))
@example(parts=("0", "*", "29", "2", "*"), now=at("2026-03-01T00:00+00:00"))
def test_cron_expressions_mean_what_cron_makes_of_them(parts: tuple[str, ...], now: float) -> None:
    timing = parse_schedule(" ".join(parts), UTC)
    assert timing is not None
    minute = datetime.fromtimestamp(now // 60 * 60, UTC)
    latest = datetime.fromtimestamp(timing.latest(now), UTC)
    following = datetime.fromtimestamp(timing.following(now), UTC)
    assert latest.timestamp() <= now < following.timestamp()
    assert _matches(parts, latest)
    assert _matches(parts, following)
    for step in range(1, 1500):  # none between
        before, after = minute - timedelta(minutes=step - 1), minute + timedelta(minutes=step)
        assert before <= latest or not _matches(parts, before)
        assert after >= following or not _matches(parts, after)


@settings(deadline=None, max_examples=examples(60))
@given(parts=fields, now=st.floats(at("2026-01-01T00:00+00:00"), at("2027-01-01T00:00+00:00")))
@example(parts=("*/20", "1-5", "*", "*", "*"), now=at("2026-10-25T01:10+00:00"))
@example(parts=("30", "2", "*", "*", "*"), now=at("2026-03-29T01:10+00:00"))
def test_slots_follow_each_other_without_a_gap_in_a_zone_that_changes_its_clocks(
    parts: tuple[str, ...], now: float
) -> None:
    timing = parse_schedule(" ".join(parts), BERLIN)
    assert timing is not None
    latest, following = timing.latest(now), timing.following(now)
    assert latest <= now < following
    assert timing.latest(latest) == timing.latest((latest + following) / 2) == timing.latest(following - 1) == latest
    assert timing.latest(following) == following


def test_when_clocks_go_forward_a_time_left_out_comes_an_hour_later_and_none_is_lost() -> None:
    timing = parse_schedule("30 2 * * *", BERLIN)
    assert timing is not None
    seen, now = [], at("2026-03-27T12:00+00:00")
    for _ in range(3):
        now = timing.following(now)
        seen.append(utc(now))
    assert seen == ["03-28 01:30", "03-29 01:30", "03-30 00:30"]
    assert utc(timing.latest(at("2026-03-29T01:10+00:00"))) == "03-28 01:30"
    assert utc(timing.latest(at("2026-03-29T01:31+00:00"))) == "03-29 01:30"


def test_when_clocks_go_back_a_time_that_comes_twice_counts_once() -> None:
    timing = parse_schedule("30 2 * * *", BERLIN)
    assert timing is not None
    seen, now = [], at("2026-10-24T12:00+00:00")
    for _ in range(2):
        now = timing.following(now)
        seen.append(utc(now))
    assert seen == ["10-25 00:30", "10-26 01:30"]
    assert utc(timing.latest(at("2026-10-25T01:45+00:00"))) == "10-25 00:30"


@given(text=st.text(max_size=20))
def test_anything_else_is_refused_with_a_sentence(text: str) -> None:
    try:
        timing = parse_schedule(text, UTC)
    except ConfigurationError as error:
        assert str(error).endswith(".")  # noqa: PT017
    else:
        assert timing is None or timing.latest(1e9) <= 1e9


@pytest.mark.parametrize(
    "text",
    [
        "hourly",
        "every 0h",
        "every 400d",
        "every h",
        "* * * *",
        "60 * * * *",
        "* 24 * * *",
        "* * * * 8",
        "* * * * mox",
        "* * * * 5-1",
        "0 0 30 2 *",
        "0 0 31 4,6 *",
        "a b c d e",
        "0 3 * * * *",
        "*/0 * * * *",
    ],
)
def test_schedules_that_make_no_sense_or_never_come_are_refused(text: str) -> None:
    with pytest.raises(ConfigurationError, match=r"."):
        parse_schedule(text, UTC)


@pytest.mark.parametrize("text", ["22-6", "25:00-06:00", "22:00", "22:00-22:00", "x", "22:60-06:00"])
def test_quiet_hours_that_make_no_sense_are_refused(text: str) -> None:
    with pytest.raises(ConfigurationError, match="22:00-06:00"):
        parse_quiet_hours(text, UTC)


def test_quiet_hours_go_over_midnight() -> None:
    quiet = parse_quiet_hours("22:00-06:00", BERLIN)
    assert quiet is not None
    covered = {hour: quiet.cover(at(f"2026-06-10T{hour:02}:30+02:00")) for hour in range(24)}
    assert [hour for hour, one in covered.items() if one] == [0, 1, 2, 3, 4, 5, 22, 23]
    assert quiet.over(at("2026-06-10T23:00+02:00")) == at("2026-06-11T06:00+02:00")
    assert quiet.over(at("2026-06-11T00:00+02:00")) == at("2026-06-11T06:00+02:00")
    assert quiet.over(at("2026-06-11T06:00+02:00")) == at("2026-06-11T06:00+02:00")
    noon = parse_quiet_hours("12:00 - 13:00", BERLIN)
    assert noon is not None
    assert [hour for hour in range(24) if noon.cover(at(f"2026-06-10T{hour:02}:30+02:00"))] == [12]


@given(
    now=st.floats(at("2026-01-01T00:00+00:00"), at("2027-01-01T00:00+00:00")),
    start=st.integers(0, 23),
    end=st.integers(0, 23),
)
@example(now=at("2026-03-29T00:30+00:00"), start=0, end=2)
@example(now=at("2026-10-25T00:30+00:00"), start=0, end=3)
def test_quiet_hours_end_within_a_day(now: float, start: int, end: int) -> None:
    if start == end:
        return
    quiet = parse_quiet_hours(f"{start:02}:00-{end:02}:30", BERLIN)
    assert quiet is not None
    over = quiet.over(now)
    assert now <= over <= now + 25 * 3600
    assert not quiet.cover(over)


@given(first=st.integers(10_000_000, 40_000_000), second=st.integers(10_000_000, 40_000_000))
def test_names_of_slots_sort_like_their_beginnings(first: int, second: int) -> None:
    assert slot_moment(slot_name(first * 60)) == first * 60
    assert (slot_name(first * 60) < slot_name(second * 60)) == (first < second)


@pytest.mark.parametrize(
    "wrong", [{"schedule": "often"}, {"quiet_hours": "at night"}, {"timezone": "Europe/Nowhere"}, {"timezone": "../x"}]
)
def test_settings_that_make_no_sense_are_refused(wrong: dict[str, str]) -> None:
    with pytest.raises(ConfigurationError):
        Timetable.of(Settings.load(**wrong))


def test_the_zone_of_the_machine_is_the_default() -> None:
    assert time_zone("") is not None
    assert time_zone(" Europe/Berlin ") == BERLIN


def _matches(parts: tuple[str, ...], moment: datetime) -> bool:
    minute, hour, day, month, weekday = parts
    if not (
        _in(minute, moment.minute, 0) and _in(hour, moment.hour, 0) and _in(month.replace("oct", "10"), moment.month, 1)
    ):
        return False
    names = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
    for number, name in enumerate(names):
        weekday = weekday.replace(f"-{name}", f"-{number or 7}").replace(name, str(number))
    today = moment.isoweekday() % 7
    by_day, by_weekday = _in(day, moment.day, 1), _in(weekday, today, 0) or (today == 0 and _in(weekday, 7, 0))
    return by_day or by_weekday if day != "*" and weekday[0] != "*" else by_day and by_weekday


def _in(text: str, value: int, lowest: int) -> bool:
    for part in text.split(","):
        where, _, step = part.partition("/")
        first, _, last = where.partition("-")
        low, high = (lowest, 59) if where == "*" else (int(first), int(last or first))
        if low <= value <= high and (value - low) % int(step or 1) == 0:
            return True
    return False
