"""Pictures that come in, and what became of them."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, Field

from categoriser.api.models.base import ErrorDetail, ImageIdText, Metadata, Model

MOST_IMAGES = 100  # per upload request


class Address(Model):
    """One picture by its address; it is fetched before the request is answered, unless that prefers not to wait."""

    url: str = Field(min_length=1, max_length=4096, pattern=r"^https?://", examples=["https://example.org/cat.jpg"])
    id: ImageIdText | None = Field(default=None, description="yours; without it the content decides")
    metadata: Metadata = Field(default_factory=dict, description="anything you want back with the image")


class Addresses(Model):
    """Several pictures by their addresses."""

    images: list[Address] = Field(min_length=1, max_length=MOST_IMAGES)


class Uploaded(BaseModel):
    """Where one picture was filed."""

    image_id: str = Field(examples=["3f1c0f6a2b7d4c5e8a9b0c1d2e3f4a5b"])
    category: str | None = Field(examples=["k3v9qm2x-4"])
    label: str | None = Field(examples=["Category 5"])
    known: bool = Field(description="it was there before; nothing changed")
    stacked_on: str | None = Field(description="id of the image it is a near-duplicate of")
    tentative: bool = Field(description="the category is the best guess; the next run decides anew")


class UploadResult(BaseModel):
    """What became of one of several pictures."""

    name: str = Field(description="file name or address as sent")
    status: Literal["filed", "known", "refused"]
    image: Uploaded | None = None
    error: ErrorDetail | None = None


class UploadReport(BaseModel):
    """What became of several pictures, in the order they were sent: filed + known + refused = all."""

    filed: int
    known: int
    refused: int
    results: list[UploadResult]


class PromisedPicture(BaseModel):
    """One of several pictures that were taken, as they were sent."""

    name: str
    status: Literal["waiting", "refused"]
    image_id: str | None = Field(default=None, description="null for an address: its content decides")
    error: ErrorDetail | None = None


class UploadAccepted(BaseModel):
    """Every picture that waits will be filed, or listed as failed with its reason, whatever happens to the service."""

    upload_id: str = Field(description="to ask what became of it; the address is in Location")
    waiting: int
    refused: int
    results: list[PromisedPicture]


class UploadedPictureInfo(BaseModel):
    """What became of one picture, as of now."""

    name: str
    status: Literal["waiting", "filed", "refused", "deleted"]
    image_id: str | None
    category: str | None
    label: str | None
    stacked_on: str | None
    tentative: bool = Field(description="the category is the best guess; the next run decides anew")
    error: ErrorDetail | None = Field(description="why it was refused, or why the last attempt failed")
    attempts: int = Field(description="that failed for now")
    retry_at: float | None = Field(description="when it is tried again")


class UploadInfo(BaseModel):
    """What became of an upload, as of now. ``status`` is waiting until every picture is filed, refused or deleted."""

    upload_id: str
    status: Literal["waiting", "done"]
    accepted_at: float
    expires_at: float = Field(description="until when it can be asked about")
    waiting: int
    filed: int
    refused: int
    deleted: int = Field(description="were filed, and deleted since")
    results: list[UploadedPictureInfo]


class UploadPage(BaseModel):
    """Uploads, newest first. ``next``: what to pass as ``after``; null at the end."""

    uploads: list[UploadInfo]
    next: str | None
