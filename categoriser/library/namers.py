"""Puts sources of names together as the settings say, and lets them name one collection at a time."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Final, TypeVar

from categoriser.catalog import collections, costs, views
from categoriser.catalog.collections import CollectionRow
from categoriser.catalog.tables import Record
from categoriser.domain import NamingReport
from categoriser.encoders import Encoder, takes_ready_vectors, takes_texts
from categoriser.encoders.hub import find_model
from categoriser.errors import CategoriserError, ConfigurationError, NotFoundError
from categoriser.library.lexicons import Lexicons
from categoriser.library.tagging import Tagger
from categoriser.library.term_asking import TermAsker
from categoriser.maintenance.naming import name_categories
from categoriser.maintenance.text_names import label_names
from categoriser.naming import Case, Chain, NameSource, Picture, Style
from categoriser.naming.blip import HUB_NAME, Blip, require_blip
from categoriser.naming.broader import Child, group_labels
from categoriser.naming.captions import Captioner, CaptionPhrases, Describer, FolderCaptions
from categoriser.naming.endpoint import ChatEndpoint
from categoriser.naming.llama import Llama, find_gguf, require_llama
from categoriser.naming.llm import EndpointModel, LanguageModel, LanguageNames
from categoriser.naming.look import Looks
from categoriser.naming.meter import Meter, MeteredCaptioner, MeteredModel
from categoriser.naming.prompts import read_prompt
from categoriser.naming.relabel import Policy
from categoriser.naming.style import LONGEST
from categoriser.naming.vision import EndpointCaptioner
from categoriser.naming.vocabulary import Vocabulary
from categoriser.naming.words import Words
from categoriser.pipeline.collection_queue import CollectionQueue
from categoriser.settings import NamingSettings, Settings, config_folder
from categoriser.state import Storage

_log = logging.getLogger(__name__)
_Made = TypeVar("_Made")
_ADDRESS: Final = ("http://", "https://")


class Namers:
    """The sources of names of a library. One session at a time: models are large, and none is safe to share."""

    def __init__(self, storage: Storage, settings: Settings, encoder_of: Callable[[CollectionRow], Encoder]) -> None:
        self._storage = storage
        self._settings = settings
        self._encoder_of = encoder_of
        self._session = threading.RLock()
        self.lexicons = Lexicons(storage, settings, encoder_of)
        self.tagger = Tagger(storage, self.lexicons)
        self._language: list[LanguageModel | None] = []  # once it was tried to open
        self._describing: list[Captioner | None] = []
        self.terms = TermAsker(storage.folder / "terms", settings.naming.language, self._model_for_terms)
        self._broken: dict[str, str] = {}  # part of the settings → why it cannot be used
        self._warned: frozenset[str] = frozenset()
        self._endpoints: list[ChatEndpoint] = []
        self._queue = CollectionQueue(self.after_run, "naming")
        self._closing = threading.Event()

    @property
    def style(self) -> Style:
        """House style."""
        one = self._settings.naming
        return Style(words=one.words, ampersand=one.ampersand, language=one.language, kind=one.kind)

    def name_categories(self, collection: CollectionRow) -> NamingReport:
        """Name what needs a name now.

        Raises:
            NotFoundError: the collection was deleted.
        """
        with self._session:
            meter = Meter()
            chain, style, problems = self._sources(collection, meter)
            policy = Policy(daily=self._settings.naming.daily)
            try:
                report = name_categories(
                    self._storage, collection.id, chain, style, policy, self.pictures, lambda: self._is_left(collection)
                )
            finally:
                self._remember(collection, meter)
            return _with_problems(report, problems)

    def after_run(self, collection_id: int) -> None:
        """Name at the end of a run, if the settings say so; a failure is told and is no reason to fail the run."""
        if not self._settings.naming.automatic:
            return
        with self._storage.database.read() as connection:
            collection = collections.get(connection, collection_id)
        try:
            if collection is not None and not self._is_left(collection):
                self._warn(self.name_categories(collection).problems)
        except NotFoundError:
            return
        except Exception:
            _log.exception("categories of collection %d could not be named; the next run tries again", collection_id)

    def soon(self, collection_id: int) -> None:
        """Name in the background."""
        if self._settings.naming.automatic:
            self._queue.put(collection_id)

    def settle(self, collection: CollectionRow) -> None:
        """Wait for names, also of views, that take milliseconds; nobody waits for those of a model of words."""
        if self._queue.is_empty:
            return
        with self._storage.database.read() as connection:
            followers = views.following(connection, collection.id)
        for one in (collection, *followers):
            if self._queue.holds(one.id) and self._is_quick(one):
                self._queue.settle(one.id)

    def words_of(self, collection: CollectionRow) -> Words | None:
        """The vocabulary in the space of a collection; None where pictures and words cannot be compared."""
        return self.lexicons.words_of(collection)

    def group_labels(self, groups: Mapping[int, Sequence[Child]]) -> dict[int, str]:
        """Labels of broad groups from the names of their categories; words suffice for that, no vectors are needed."""
        try:
            vocabulary = self.lexicons.vocabulary()
        except ConfigurationError:  # naming tells about it
            vocabulary = Vocabulary(())
        return group_labels(groups, vocabulary, self.style)

    def describer(self, collection: CollectionRow, meter: Meter | None = None) -> Describer:
        """Texts about exemplars of a collection; what is described for them is counted."""
        captioner = self._captioner()
        if captioner is not None and meter is not None:
            captioner = MeteredCaptioner(captioner, meter)
        return Describer(captioner, FolderCaptions(self._storage.media.captions(collection.key)))

    def is_described(self, collection: CollectionRow, picture: Picture) -> bool:
        """Whether a text about a picture is there already; opens no model."""
        if picture.text:
            return True
        known = FolderCaptions(self._storage.media.captions(collection.key))
        return bool(picture.sha256) and known.has_any(str(picture.sha256))

    def pictures(self, collection: CollectionRow, rows: Sequence[Record]) -> list[Picture]:
        """Image rows as sources look at them."""
        return [
            Picture(
                row["image_id"], row["sha256"], self._reader(collection.key, row["sha256"]), self._text(row["metadata"])
            )
            for row in rows
        ]

    def close(self) -> None:
        """Finish what takes milliseconds; a model ends after its category, and the next run names what is left."""
        self._closing.set()
        self._queue.close()
        for endpoint in self._endpoints:
            endpoint.close()

    @property
    def settings(self) -> NamingSettings:
        """As they were given."""
        return self._settings.naming

    def problem_of(self, part: str) -> str | None:
        """Why "llm" or "captions" cannot be used; None also where that was not tried yet."""
        return self._broken.get(part)

    # ---- parts of the above --------------------------------------------------------------------------------------

    def _remember(self, collection: CollectionRow, meter: Meter) -> None:
        if not meter.spent:
            return
        with self._storage.database.write() as connection:
            if collections.get(connection, collection.id) is None:
                return  # deleted meanwhile
            for (part, model), one in meter.spent.items():
                costs.add(connection, collection.id, costs.Cost(part, model, one.calls, one.tokens, one.seconds))

    def _is_quick(self, collection: CollectionRow) -> bool:
        """Whether naming asks no model: neither for names or captions nor for the vectors of the vocabulary."""
        one = self._settings.naming
        if _has_labels(collection):
            return True
        if one.llm or one.captions:
            return False
        if one.table or self.lexicons.is_opened(collection):
            return True
        return takes_ready_vectors(collection.encoder_id) or not self._encoder_of(collection).reads_text

    def _is_left(self, collection: CollectionRow) -> bool:
        """Whether names of a collection are left to the next process, as the library is closed."""
        return self._closing.is_set() and not self._is_quick(collection)

    def _sources(self, collection: CollectionRow, meter: Meter) -> tuple[Chain, Style, list[str]]:
        """The sources for a collection, the style of its names, and why some sources are left out."""
        if _has_labels(collection):
            names = label_names(self._storage, collection.id)
            return Chain([names, Looks()], lambda _: names), _as_labelled(self.style), []
        chain, problems = self._chain(collection, meter)
        return chain, self.style, problems

    def _chain(self, collection: CollectionRow, meter: Meter) -> tuple[Chain, list[str]]:
        words, describer = self.words_of(collection), self.describer(collection, meter)
        made: dict[str, NameSource | None] = {
            "llm": self._language_names(describer, words, meter),
            "vocabulary": words,
            "captions": CaptionPhrases(describer),
        }
        sources = [source for name in self._settings.naming.sources if (source := made[name]) is not None]
        chain = Chain([*sources, Looks()], lambda survey: None if words is None else words.atlas(survey))
        told = [] if self.lexicons.problem is None else [self.lexicons.problem]
        return chain, [*told, *self._broken.values()]

    def _language_names(self, describer: Describer, words: Words | None, meter: Meter) -> LanguageNames | None:
        if not self._settings.naming.llm or (model := self._language_model()) is None:
            return None
        prompts = config_folder() / "prompts"
        examples = dict(
            line.partition(": ")[::2]
            for line in read_prompt(prompts / "examples.txt").text.splitlines()
            if ": " in line
        )
        terms = None if words is None else partial(_best, words)
        asked, prompt = MeteredModel(model, meter), read_prompt(prompts / "name.txt")
        return LanguageNames(asked, prompt, examples, describer=describer, terms=terms)

    def _language_model(self) -> LanguageModel | None:
        if not self._language:
            self._language.append(self._attempt("llm", self._open_model))
        return self._language[0]

    def _model_for_terms(self) -> LanguageModel:
        if not self._settings.naming.llm:
            raise ConfigurationError("the setting naming.llm names none (CATEGORISER_NAMING__LLM).")
        with self._session:
            model = self._language_model()
        if model is None:
            raise ConfigurationError(self._broken["llm"])
        return model

    def _open_model(self) -> LanguageModel:
        told = self._settings.naming.llm
        if told.startswith(_ADDRESS):
            endpoint = self._endpoint(told, self._settings.naming.llm_model)
            return EndpointModel(endpoint.ask, endpoint.model, endpoint.place)
        require_llama()
        return Llama(find_gguf(told, offline=self._settings.offline))

    def _captioner(self) -> Captioner | None:
        if not self._settings.naming.captions:
            return None
        with self._session:
            if not self._describing:
                self._describing.append(self._attempt("captions", self._open_captioner))
            return self._describing[0]

    def _open_captioner(self) -> Captioner:
        told = self._settings.naming.captions
        if told.startswith(_ADDRESS):
            prompt = read_prompt(config_folder() / "prompts" / "caption.txt")
            return EndpointCaptioner(self._endpoint(told, self._settings.naming.caption_model), prompt)
        kind, _, folder = told.partition(":")
        if kind != "blip":
            raise ConfigurationError(f"naming.captions: {told} is neither blip, blip:FOLDER nor an address.")
        require_blip()
        weights = Path(folder).expanduser() if folder else None
        return Blip(find_model(HUB_NAME, "main", weights=weights, offline=self._settings.offline))

    def _endpoint(self, url: str, model: str) -> ChatEndpoint:
        one = self._settings.naming
        endpoint = ChatEndpoint(url, model, key=one.api_key.get_secret_value() or None, seconds=one.seconds)
        self._endpoints.append(endpoint)
        return endpoint

    def _attempt(self, part: str, make: Callable[[], _Made]) -> _Made | None:
        """What is set up and cannot be used is told in a sentence, and the others go on."""
        try:
            made = make()
        except CategoriserError as error:
            self._broken[part] = str(error)
            return None
        self._broken.pop(part, None)
        return made

    def _warn(self, problems: Sequence[str]) -> None:
        """In the log, once while it lasts: nobody is shown the report of a naming that nobody asked for."""
        for problem in problems:
            if problem not in self._warned:
                _log.warning("%s", problem)
        self._warned = frozenset(problems)

    def _reader(self, key: str, sha256: str | None) -> Callable[[], bytes | None]:
        def read() -> bytes | None:
            if sha256 is None:
                return None
            try:
                return self._storage.media.thumbnail(key, sha256).read_bytes()
            except OSError:
                return None

        return read

    def _text(self, metadata: Mapping[str, object] | None) -> str | None:
        told = [(metadata or {}).get(name) for name in self._settings.naming.text_fields]
        return ". ".join(one.strip() for one in told if isinstance(one, str) and one.strip()) or None


def _best(words: Words, case: Case) -> list[tuple[str, float]]:
    return words.best(case.survey, case.subject.number)


def _with_problems(report: NamingReport, problems: Sequence[str]) -> NamingReport:
    return replace(report, problems=tuple(dict.fromkeys((*problems, *report.problems))))


def _has_labels(collection: CollectionRow) -> bool:
    """Whether what images are called comes from the texts, or the terms, that they were grouped by."""
    return collection.parent_key is not None or takes_texts(collection.encoder_id)


def _as_labelled(style: Style) -> Style:
    """Labels stand in the language and in the length that texts and terms gave them."""
    return replace(style, words=LONGEST, language="")
