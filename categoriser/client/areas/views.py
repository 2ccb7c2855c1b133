"""Views: other groupings of the same pictures. To look at one and correct it: ``view(name)`` of a collection."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from categoriser.api.models.images import Deleted
from categoriser.api.models.views import (
    Attributes,
    CandidateTerms,
    DescribedInfo,
    TextReport,
    ViewEstimateInfo,
    ViewInfo,
    ViewPage,
)
from categoriser.client.description import PAGE, Call, Pages, given, pages
from categoriser.client.place import Place, ask, each


class Views(Place):
    """Make them, fill them, list them."""

    @each
    def views(self) -> Pages[ViewInfo]:
        """Views by name."""
        here = self._owner()
        return pages(
            lambda after: here._get(ViewPage, "views", after=after, limit=PAGE),
            lambda page: page.views,
            lambda page: page.next,
        )

    @ask
    def create_view(
        self,
        name: str,
        *,
        criterion: str = "",
        texts: Mapping[str, str] | None = None,
        from_metadata: str | None = None,
        terms: Sequence[str] | None = None,
        categories: int | None = None,
        encoder: str | None = None,
    ) -> Call[ViewInfo]:
        """Make a view, or open one that was made with the same.

        Args:
            name: its name.
            criterion: what its texts are about, in words that they use.
            texts: image id to text.
            from_metadata: key of the pictures' metadata that is their text.
            terms: for encoders that read text.
            categories: how many; None finds out.
            encoder: of texts; words, the default, or sentence:MODEL.
        """
        body = given(
            name=name,
            criterion=criterion,
            texts=dict(texts) if texts else None,
            from_metadata=from_metadata,
            terms=None if terms is None else list(terms),
            categories=categories,
            encoder=encoder,
        )
        return self._owner()._send("POST", ViewInfo, "views", json=body, repeatable=True)

    @ask
    def preview_terms(self, criterion: str) -> Call[CandidateTerms]:
        """What asking the language model for terms would take."""
        return self._owner()._send(
            "POST", CandidateTerms, "views", "terms", json={"criterion": criterion, "dry_run": True}, repeatable=True
        )

    @ask
    def candidate_terms(self, criterion: str) -> Call[CandidateTerms]:
        """Terms that answer a criterion, by the service's language model; asked once for each criterion."""
        return self._owner()._send("POST", CandidateTerms, "views", "terms", json={"criterion": criterion})

    @ask
    def add_texts(self, view: str, texts: Mapping[str, str]) -> Call[TextReport]:
        """Add texts to a view by image id; the same again changes nothing."""
        body = {"texts": dict(texts)}
        return self._owner()._send("POST", TextReport, "views", "texts", json=body, repeatable=True, view=view)

    @ask
    def estimate_view(
        self, *, criterion: str = "", terms: Sequence[str] = (), from_metadata: str | None = None
    ) -> Call[ViewEstimateInfo]:
        """What a view would take, in images, texts and questions to a model; nothing is asked and nothing made."""
        body = given(criterion=criterion, terms=list(terms), from_metadata=from_metadata)
        return self._owner()._send("POST", ViewEstimateInfo, "views", "estimate", json=body, repeatable=True)

    @ask
    def describe_view(self, view: str, *, pictures: int = 16, after: int | None = None) -> Call[DescribedInfo]:
        """Have the service's model describe pictures for a view, and file them by that; pass on ``next`` for more.

        Args:
            view: its name.
            pictures: to describe, at most 200; 0 only files what is described already.
            after: what the answer before said.
        """
        body = given(pictures=pictures, after=after)
        return self._owner()._send("POST", DescribedInfo, "views", "descriptions", json=body, view=view)

    @ask
    def attributes(self, image_id: str) -> Call[dict[str, str | None]]:
        """The name of an image's category in every view; None where it is uncertain."""
        call = self._owner()._get(Attributes, "views", "attributes", image_id=image_id)
        return call.then(lambda found: found.attributes)

    @ask
    def delete_view(self, view: str) -> Call[int]:
        """Delete a view with its categories and texts; the pictures stay. Answers with the number of its images."""
        return self._owner()._send("DELETE", Deleted, "views", view=view).then(lambda done: done.deleted)
