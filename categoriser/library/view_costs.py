"""What a view would take, before it is made: nothing is asked, nothing is written."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import sqlalchemy as sa

from categoriser.catalog import collections, taxonomy, view_texts
from categoriser.catalog.metadata_filter import MetadataCondition, met
from categoriser.catalog.tables import images
from categoriser.encoders import takes_ready_vectors
from categoriser.errors import CategoriserError, ConfigurationError, NotFoundError

if TYPE_CHECKING:
    from categoriser.library.library import Library

_LOOKED_AT: Final = 1000  # newest images whose metadata is looked at for fields that could be read
_FIELDS: Final = 20


@dataclass(frozen=True, slots=True)
class FieldShare:
    """A field of the metadata that holds text, and in how many of the newest images."""

    name: str
    images: int


@dataclass(frozen=True, slots=True)
class ViewEstimate:
    """What making a view would take.

    Attributes:
        images: of the collection; each is looked at once, by a vector or a text that is there already.
        texts: images that have the field; None where none was given.
        fields: that could be given, by the newest images.
        terms: that an encoder would read.
        terms_problem: why terms cannot group these images, in a sentence; None when they can.
        model: that would be asked for terms; None where none can be.
        questions: to it; 0 where its answer to this criterion is known.
        tokens: of them with their answers, at most, about.
        model_problem: why it cannot be asked, in a sentence.
        describer: model that would describe the pictures under the criterion; None where none can.
        to_describe: pictures that it would be shown, each once.
        describer_problem: why it cannot be asked, in a sentence.
    """

    images: int
    texts: int | None
    fields: Sequence[FieldShare]
    terms: int
    terms_problem: str | None
    model: str | None
    questions: int
    tokens: int
    model_problem: str | None
    describer: str | None
    to_describe: int
    describer_problem: str | None


def estimate_view(
    library: Library, collection_id: int, *, criterion: str, terms: Sequence[str], from_metadata: str | None
) -> ViewEstimate:
    """What making a view of a collection would take.

    Raises:
        NotFoundError: the collection was deleted.
        ConfigurationError: the field cannot be one of metadata.
    """
    if from_metadata is not None and '"' in from_metadata:
        raise ConfigurationError(f"{from_metadata!r} is no field of metadata: it holds a double quote.")
    with library.storage.database.read() as connection:
        row = collections.get(connection, collection_id)
        if row is None:
            raise NotFoundError("The collection was deleted meanwhile.")
        number = taxonomy.images_in_all(connection, row.id)
        newest = connection.execute(
            sa.select(images.c.metadata)
            .where(images.c.collection_id == row.id)
            .order_by(images.c.row.desc())
            .limit(_LOOKED_AT)
        ).scalars()
        fields = Counter(
            name
            for metadata in newest
            for name, value in (metadata or {}).items()
            if isinstance(value, str) and value.strip()
        )
        texts = None
        if from_metadata is not None:
            has = met(connection.dialect.name, images.c.metadata, MetadataCondition((from_metadata,), exists=True))
            query = sa.select(sa.func.count()).select_from(images).where(images.c.collection_id == row.id, has)
            texts = int(connection.execute(query).scalar_one())
    problem = None
    try:
        reads = not takes_ready_vectors(row.encoder_id) and library.encoder_of(row).reads_text
    except CategoriserError as error:
        reads, problem = False, str(error)
    if not reads and problem is None:
        problem = (
            f"The encoder {row.encoder_id} reads no words, so pictures cannot be compared with them; take a field of "
            "the metadata, or an encoder with a text tower such as laion-clip-b32."
        )
    model, questions, tokens, silent = None, 0, 0, problem
    if criterion.strip() and problem is None:
        try:
            asked = library.namers.terms.estimate(criterion)
            model, questions, tokens = asked.model, asked.questions, asked.tokens
        except CategoriserError as error:
            silent = str(error)
    from categoriser.library.describing import question_of  # noqa: PLC0415 - it knows views, which are collections
    from categoriser.library.view_describing import describer_of  # noqa: PLC0415

    eyes, to_describe, blind = None, 0, None
    if criterion.strip():
        try:
            with closing(describer_of(library.settings.naming)) as describer:
                eyes, question = describer.name, question_of(criterion, describer)
            with library.storage.database.read() as connection:
                to_describe = view_texts.count_undescribed(connection, row.id, question)
        except ConfigurationError as error:
            blind = str(error)
    return ViewEstimate(
        images=number,
        texts=texts,
        fields=[FieldShare(name, count) for name, count in fields.most_common(_FIELDS)],
        terms=len(terms),
        terms_problem=problem,
        model=model,
        questions=questions,
        tokens=tokens,
        model_problem=silent,
        describer=eyes,
        to_describe=to_describe,
        describer_problem=blind,
    )
