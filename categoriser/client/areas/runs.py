"""The job: what it would change, doing it, when it is done, and what it leaves to people."""

from __future__ import annotations

from collections.abc import Sequence

from categoriser.api.models.curation import AsOf, PlanInfo, VersionInfo, VersionPage
from categoriser.api.models.log import RunInfo
from categoriser.api.models.schedule import ScheduleInfo
from categoriser.api.models.suggestions import Dismissed, SuggestionInfo, SuggestionPage
from categoriser.client.description import PAGE, Call, Pages, given, pages
from categoriser.client.place import Place, ask, each


class Runs(Place):
    """Plans, runs, versions, suggestions."""

    @ask
    def plan(self) -> Call[PlanInfo]:
        """What a run would change now."""
        return self._get(PlanInfo, "plan")

    @ask
    def run(self) -> Call[RunInfo]:
        """Run the job now; answers when it is done."""
        return self._send("POST", RunInfo, "runs")

    @ask
    def apply(self, version: int, steps: Sequence[str] | None = None) -> Call[RunInfo]:
        """Do steps of a plan.

        Args:
            version: of the plan; a plan that is overtaken is refused.
            steps: their ids; None for all that a run does by itself.
        """
        body = given(version=version, steps=None if steps is None else list(steps))
        return self._send("POST", RunInfo, "runs", json=body)

    @each
    def versions(self) -> Pages[VersionInfo]:
        """Runs and corrections, the newest first."""
        return pages(
            lambda before: self._get(VersionPage, "versions", before=before, limit=PAGE),
            lambda page: page.versions,
            lambda page: page.next,
        )

    @ask
    def version_page(self, *, before: int | None = None, limit: int = 100) -> Call[VersionPage]:
        """One page of these."""
        return self._get(VersionPage, "versions", before=before, limit=limit)

    @ask
    def as_of(self, version: int) -> Call[AsOf]:
        """Which image was where, right after a version."""
        return self._get(AsOf, "versions", version)

    @each
    def suggestions(self) -> Pages[SuggestionInfo]:
        """What runs would change and leave to people."""
        return pages(
            lambda after: self._get(SuggestionPage, "suggestions", after=after, limit=PAGE),
            lambda page: page.suggestions,
            lambda page: page.next,
        )

    @ask
    def suggestion_page(self, *, after: int = 0, limit: int = 100) -> Call[SuggestionPage]:
        """One page of these."""
        return self._get(SuggestionPage, "suggestions", after=after, limit=limit)

    @ask
    def dismiss(self, suggestion: int) -> Call[Dismissed]:
        """Do not propose this any more, until what speaks for it has changed clearly."""
        return self._send("POST", Dismissed, "suggestions", suggestion, "dismiss")

    @ask
    def schedule(self) -> Call[ScheduleInfo]:
        """When the job runs, and what came of its last slot."""
        return self._get(ScheduleInfo, "schedule")

    @ask
    def set_schedule(self, schedule: str | None) -> Call[ScheduleInfo]:
        """When it runs: "every 6h", a cron expression, "" for never, or None for the deployment's."""
        return self._send("PUT", ScheduleInfo, "schedule", json={"schedule": schedule}, repeatable=True)
