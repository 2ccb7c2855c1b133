"""Names of categories: make them, and ask where one comes from."""

from __future__ import annotations

import dataclasses
from typing import Annotated

from fastapi import APIRouter, Query

from categoriser.api.models.naming import (
    NamingInfo,
    NamingStateInfo,
    OwnWordsRequest,
    VocabularyInfo,
    WhyNameInfo,
    WordPage,
)
from categoriser.api.needs import Cursor, ExistingCollection, PageLength
from categoriser.api.paths import CategoryId

router = APIRouter(prefix="/{collection}", tags=["categories"])


@router.post("/name", summary="Name the categories that need a name")
def name_categories(collection: ExistingCollection) -> NamingInfo:
    """Answers when it is done; a language model may take seconds for each. Names that people gave stay."""
    return NamingInfo.model_validate(dataclasses.asdict(collection.name_categories()))


@router.get("/categories/{category}/name", summary="Ask why a category is called what it is")
def why_name(collection: ExistingCollection, category: CategoryId) -> WhyNameInfo:
    """Source, evidence, model and prompt; and what it might be called instead."""
    return WhyNameInfo.model_validate(dataclasses.asdict(collection.why_name(category)))


@router.get("/naming", summary="Ask who names categories, and at what cost")
def get_naming(collection: ExistingCollection) -> NamingStateInfo:
    """Sources and style as the settings say, what models were asked so far, and what they would be asked now."""
    return NamingStateInfo.model_validate(dataclasses.asdict(collection.naming_state()))


@router.get("/vocabulary", summary="Look at the words that categories may be called by")
def get_vocabulary(collection: ExistingCollection) -> VocabularyInfo:
    """In numbers, with the collection's own words."""
    return VocabularyInfo.model_validate(dataclasses.asdict(collection.vocabulary()))


@router.put("/vocabulary", summary="Give a collection words of its own")
def set_vocabulary(collection: ExistingCollection, wanted: OwnWordsRequest) -> VocabularyInfo:
    """Beside those of the service or instead of them; an empty text takes them away. Names that are true stay."""
    return VocabularyInfo.model_validate(
        dataclasses.asdict(collection.set_vocabulary(wanted.text, replaces=wanted.replaces))
    )


@router.get("/vocabulary/words", summary="List the words that categories may be called by")
def list_words(
    collection: ExistingCollection,
    find: Annotated[str, Query(max_length=100, description="what the word, a synonym or its heading contains")] = "",
    used: Annotated[bool, Query(description="only words that a category is called by")] = False,
    own: Annotated[bool, Query(description="only the collection's own")] = False,
    after: Cursor = 0,
    limit: PageLength = 100,
) -> WordPage:
    """In their order, each with the categories that are called by it."""
    page = collection.vocabulary_words(find=find, used=used, own=own, after=after, limit=limit)
    following = page[-1].place if len(page) == limit else None
    return WordPage.model_validate({"words": [dataclasses.asdict(one) for one in page], "next": following})
