"""When runs are due: slots aligned to absolute time, so that every replica computes the same ones.

The times of a cron expression are those of a wall clock. One that a change of the clock leaves out comes as much later
as the clock was put forward; one that comes twice counts the first time only.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, time, timedelta, tzinfo
from functools import lru_cache
from typing import Any, Final, Protocol, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from apscheduler.triggers.combining import OrTrigger
from apscheduler.triggers.cron import CronTrigger
from tzlocal import get_localzone

from categoriser.errors import ConfigurationError
from categoriser.settings import Settings

_UNITS: Final = {"m": 60, "h": 3600, "d": 86400}
_LONGEST: Final = 366 * 86400
_EVERY: Final = re.compile(r"every\s+(\d{1,6})\s*(m|h|d)(?:in|our|ay)?s?", re.IGNORECASE)
_WEEKDAYS: Final = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_WEEKDAY_PART: Final = re.compile(r"(\*|[a-z]{3}|\d)(?:-([a-z]{3}|\d))?(?:/(\d))?", re.IGNORECASE)
_HOURS: Final = re.compile(r"((?:[01]\d|2[0-3]):[0-5]\d)\s*-\s*((?:[01]\d|2[0-3]):[0-5]\d)")
_CHANGE: Final = timedelta(hours=2)  # no clock is put forward by more
_SEARCHED: Final = timedelta(days=20 * 366)  # some 29 February lies in there


class Timing(Protocol):
    """A sequence of moments, in seconds since the epoch."""

    def latest(self, now: float) -> float:
        """The last one up to now."""

    def following(self, now: float) -> float:
        """The first one after now."""


@dataclass(frozen=True, slots=True)
class Every:
    """Multiples of a number of seconds since the epoch."""

    seconds: int

    def latest(self, now: float) -> float:
        """The last one up to now."""
        return now // self.seconds * self.seconds

    def following(self, now: float) -> float:
        """The first one after now."""
        return self.latest(now) + self.seconds


@dataclass(frozen=True, slots=True)
class Cron:
    """The times of a cron expression on the wall clocks of a time zone."""

    trigger: Any = field(repr=False)  # of APScheduler, and in UTC: it only knows the calendar
    zone: tzinfo

    def latest(self, now: float) -> float:
        """The last one up to now."""
        wall, back = self._wall(now), timedelta(minutes=1)
        while True:
            found = None
            for moment in self._from(wall - back):
                if moment > now:
                    break
                found = moment
            if found is not None:
                return found
            back *= 2

    def following(self, now: float) -> float:
        """The first one after now."""
        return next(moment for moment in self._from(self._wall(now) - _CHANGE) if moment > now)

    def _wall(self, now: float) -> datetime:
        return datetime.fromtimestamp(now, self.zone).replace(tzinfo=UTC, fold=0)

    def _from(self, wall: datetime) -> Iterator[float]:
        while True:
            fire = self.trigger.get_next_fire_time(None, wall)
            yield fire.replace(tzinfo=self.zone).timestamp()
            wall = fire + timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class QuietHours:
    """From one time of the day up to another, possibly over midnight."""

    start: time
    end: time
    zone: tzinfo

    def cover(self, now: float) -> bool:
        """Whether no run may start now."""
        clock = datetime.fromtimestamp(now, self.zone).time()
        if self.start < self.end:
            return self.start <= clock < self.end
        return clock >= self.start or clock < self.end

    def over(self, now: float) -> float:
        """The first moment from now on at which a run may start."""
        if not self.cover(now):
            return now
        here = datetime.fromtimestamp(now, self.zone)
        ends = (datetime.combine(here.date() + timedelta(days=day), self.end, self.zone).timestamp() for day in (0, 1))
        return next((end for end in ends if end > now), now)


@dataclass(frozen=True, slots=True)
class Timetable:
    """When the runs of a deployment start."""

    default: str  # for collections without a schedule of their own
    zone: tzinfo
    quiet: QuietHours | None
    budget: float | None  # seconds per slot

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """As the settings say.

        Raises:
            ConfigurationError: one of them makes no sense.
        """
        zone = time_zone(settings.timezone)
        parse_schedule(settings.schedule, zone)
        quiet = parse_quiet_hours(settings.quiet_hours, zone)
        return cls(settings.schedule.strip(), zone, quiet, settings.schedule_seconds or None)

    def timing(self, schedule: str | None) -> Timing | None:
        """Of a collection's own schedule, or of the default for None; None: only by growth."""
        return parse_schedule(self.default if schedule is None else schedule, self.zone)

    def may_start(self, moment: float) -> float:
        """The first time from a moment on that is not in the quiet hours."""
        return moment if self.quiet is None else self.quiet.over(moment)


def slot_name(moment: float) -> str:
    """Name of a slot by its beginning; later ones sort behind."""
    return datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%dT%H:%MZ")


def slot_moment(name: str) -> float:
    """Beginning of a slot in seconds since the epoch."""
    return datetime.strptime(name, "%Y-%m-%dT%H:%MZ").replace(tzinfo=UTC).timestamp()


def time_zone(name: str) -> tzinfo:
    """A time zone by its IANA name; "" is that of this machine.

    Raises:
        ConfigurationError: there is none of that name here.
    """
    if not name.strip():
        return get_localzone()
    try:
        return ZoneInfo(name.strip())
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ConfigurationError(
            f"There is no time zone {name!r} here: use a name such as Europe/Berlin, and where the system has no time "
            "zones at all, pip install tzdata."
        ) from None


@lru_cache(maxsize=1024)
def parse_schedule(text: str, zone: tzinfo) -> Timing | None:
    """A schedule as people write it: "every 6h", a cron expression such as "0 3 * * *", or "" for none.

    Minutes, hours and days count from midnight UTC; cron expressions go by the time zone. Where a cron expression
    restricts both the day of the month and the day of the week, either suffices.

    Raises:
        ConfigurationError: it is none of these, or never comes.
    """
    text = text.strip()
    if not text:
        return None
    every = _EVERY.fullmatch(text)
    if every is not None:
        seconds = int(every[1]) * _UNITS[every[2].lower()]
        if not 0 < seconds <= _LONGEST:
            raise ConfigurationError(f"The schedule {text!r} makes no sense: use every 1m to every 366d.")
        return Every(seconds)
    fields = text.split()
    if len(fields) != 5 or len(text) > 255:
        raise ConfigurationError(
            f'The schedule {text!r} makes no sense: write "every 6h", or a cron expression such as "0 3 * * *" '
            "(minute, hour, day, month, weekday)."
        )
    try:
        trigger = _cron_trigger(*fields)
    except (ValueError, TypeError, re.error) as error:
        raise ConfigurationError(f"The schedule {text!r} is no cron expression: {error}.") from None
    return Cron(trigger, zone)


def parse_quiet_hours(text: str, zone: tzinfo) -> QuietHours | None:
    """ "22:00-06:00", or "" for none.

    Raises:
        ConfigurationError: it is neither.
    """
    if not text.strip():
        return None
    match = _HOURS.fullmatch(text.strip())
    if match is None or match[1] == match[2]:
        raise ConfigurationError(f"The quiet hours {text!r} make no sense: write them like 22:00-06:00.")
    return QuietHours(time.fromisoformat(match[1]), time.fromisoformat(match[2]), zone)


def _cron_trigger(minute: str, hour: str, day: str, month: str, weekday: str) -> Any:
    either = day[0] != "*" and weekday[0] != "*"
    fields = {"minute": minute, "hour": hour, "day": day, "month": month, "day_of_week": _weekdays(weekday)}
    choices = [fields | {"day_of_week": "*"}, fields | {"day": "*"}] if either else [fields]
    start = datetime(2000, 1, 1, tzinfo=UTC)
    # one that never comes would be searched for until the year 9999
    coming = [
        one
        for one in choices
        if CronTrigger(**one, timezone=UTC, end_date=start + _SEARCHED).get_next_fire_time(None, start) is not None
    ]
    if not coming:
        raise ValueError("there is no such day")
    triggers = [CronTrigger(**one, timezone=UTC) for one in coming]
    return triggers[0] if len(triggers) == 1 else OrTrigger(triggers)


def _weekdays(field_text: str) -> str:
    """Days by name: numbers mean other days to APScheduler than to cron, where Sunday is 0 and 7."""
    if field_text == "*":
        return field_text
    days: set[int] = set()
    for part in field_text.split(","):
        match = _WEEKDAY_PART.fullmatch(part)
        if match is None:
            raise ValueError(f"{part!r} is no day of the week")
        first = 0 if match[1] == "*" else _weekday(match[1])
        last = _weekday(match[2]) if match[2] else 6 if match[1] == "*" or match[3] else first
        if last == 0 and first > 0 and match[2]:
            last = 7  # up to Sunday
        step = int(match[3]) if match[3] else 1
        if first > last or step < 1:
            raise ValueError(f"{part!r} is no range of days")
        days |= {number % 7 for number in range(first, last + 1, step)}
    return ",".join(_WEEKDAYS[number] for number in sorted(days))


def _weekday(name: str) -> int:
    number = int(name) if name.isdecimal() else _WEEKDAYS.index(name.lower())
    if number > 7:
        raise ValueError(f"{name} is no day of the week")
    return number
