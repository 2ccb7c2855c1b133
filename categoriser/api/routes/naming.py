"""Names of categories: make them, and ask where one comes from."""

from __future__ import annotations

import dataclasses

from fastapi import APIRouter

from categoriser.api.models.naming import NamingInfo, WhyNameInfo
from categoriser.api.needs import ExistingCollection
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
