"""Settings: ``config/default.toml`` < a file named by the caller < environment ``CATEGORISER_*`` < arguments."""

from __future__ import annotations

import json
import os
import re
import tomllib
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Final, Literal, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, SecretStr, ValidationError, field_validator
from pydantic_core import ErrorDetails
from pydantic_settings import (
    BaseSettings,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    SettingsError,
    TomlConfigSettingsSource,
)

from categoriser.domain import Granularity
from categoriser.errors import ConfigurationError
from categoriser.secret_files import EnvironmentAndFiles
from categoriser.server_settings import SharedSettings, StoreSettings
from categoriser.settings_bulk import BulkSettings
from categoriser.settings_operations import OperationsSettings
from categoriser.settings_outgoing import LiveSettings, WebhookSettings
from categoriser.settings_uploads import UploadSettings


@cache
def config_folder() -> Path:
    """Folder of the shipped configuration: in a wheel beside the package, in a checkout at the top."""
    package = Path(__file__).parent
    inside = package / "_config"
    return inside if inside.is_dir() else package.parent / "config"


def _parts(told: object) -> object:
    """A list is a JSON list in the environment, or its parts with commas between them."""
    if not isinstance(told, str):
        return told
    if told.lstrip().startswith("["):
        try:
            return json.loads(told)
        except ValueError:
            raise ValueError('it is no JSON list such as ["one", "two"]') from None
    return [part for one in told.split(",") if (part := one.strip())]


_One = TypeVar("_One")
Several = Annotated[tuple[_One, ...], NoDecode, BeforeValidator(_parts)]


class NamingSettings(BaseModel):
    """How categories get names; as environment variables ``CATEGORISER_NAMING__<NAME>``."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    automatic: bool = Field(description="name by itself at the end of each run")
    sources: Several[Literal["llm", "vocabulary", "captions"]] = Field(description="asked in this order")
    vocabulary: Several[str] = Field(description="files of words; empty: the English one that is shipped")
    table: str = Field(description="JSON file of a ready table of text vectors, for encoders that read no text")
    captions: str = Field(description='"blip", "blip:FOLDER", the address of an endpoint, or empty')
    caption_model: str = Field(description="name of the model behind that address")
    text_fields: Several[str] = Field(description="metadata that says what an image shows")
    llm: str = Field(description="a .gguf file, owner/repository/file.gguf, the address of an endpoint, or empty")
    llm_model: str = Field(description="name of the model behind that address")
    api_key: SecretStr = Field(description="sent to the endpoints as a bearer token")
    seconds: float = Field(gt=0, description="time limit of one request to an endpoint")
    words: int = Field(ge=1, le=8, description="most words of a name")
    ampersand: bool = Field(description='"Cats & dogs", else "Cats and dogs"')
    language: str = Field(min_length=2, description="of the names")
    kind: str = Field(description="whose good names a language model is shown: photos, social, shop or archive")
    daily: int = Field(ge=0, description="renamings of a collection in 24 hours; first names do not count")


class AccessSettings(BaseModel):
    """Who may talk to the service; as environment variables ``CATEGORISER_ACCESS__<NAME>``."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    keys: Literal["auto", "required", "off"] = Field(description="auto: as soon as there is one, or beyond loopback")
    hosts: Several[str] = Field(description='names in Host that are answered besides this machine; "*": any')
    origins: Several[str] = Field(description="web pages of other origins that may call with a key (CORS)")
    trusted_proxies: Several[str] = Field(description="addresses whose X-Forwarded headers are believed")
    session_hours: float = Field(gt=0, le=24, description="how long a browser stays signed in")
    requests_per_second: float = Field(ge=0, description="of one key, unless it has its own; 0: no limit")
    token_requests_per_second: float = Field(ge=0, description="of one token or browser; 0: no limit")
    burst_seconds: float = Field(ge=1, le=3600, description="seconds whose requests may come at once")
    failures_per_minute: int = Field(ge=1, description="wrong keys from one address")


class SearchSettings(BaseModel):
    """What a search shows by itself; as environment variables ``CATEGORISER_SEARCH__<NAME>``. See docs/search.md."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    certain: float = Field(ge=0, le=1, description="relevance of the best result, below which there is none at all")
    shown: float = Field(ge=0, le=1, description="relevance of the other results at least")


class Settings(BaseSettings):
    """Everything that can be set; each field is also an environment variable ``CATEGORISER_<NAME>``."""

    model_config = SettingsConfigDict(env_prefix="CATEGORISER_", extra="forbid", frozen=True, env_nested_delimiter="__")

    encoder: str = Field(description="registry name, path:FOLDER, onnx:FILE, classic or vectors:DIM")
    device: str | None = Field(default=None, description="cpu, cuda, mps; empty lets the encoder choose")
    offline: bool = Field(default=False, description="never ask a model hub")
    granularity: Granularity = Field(description="the one dial: broad, balanced or fine")
    automatic_runs: bool = Field(description="run the job by itself as a collection grows")
    schedule: str = Field(description='when `serve` runs the job: "every 6h", a cron expression, or empty for never')
    timezone: str = Field(description="IANA name of the zone of cron expressions and quiet hours; empty: the machine's")
    quiet_hours: str = Field(description='no scheduled run starts then: "22:00-06:00", or empty')
    schedule_seconds: float = Field(ge=0, description="no run of a slot starts once its runs took so long; 0: no limit")
    database: str | None = Field(default=None, description="SQLAlchemy URL; empty: SQLite in the library folder")

    batch_size: int = Field(ge=1, le=1024, description="pictures per encoder call at most")
    batch_wait_ms: float = Field(ge=0, le=1000, description="how long an encoder call waits for company")
    decode_threads: int = Field(ge=0, le=256, description="0: two per processor and four more")
    waiting_limit: int = Field(ge=1, description="pictures under way at most; more have to wait")
    open_collections: int = Field(ge=1, description="collections whose engine state stays in memory")
    idle_minutes: float = Field(gt=0, description="an engine state unused for so long leaves memory")

    max_bytes: int = Field(ge=1, description="largest accepted file")
    max_pixels: int = Field(ge=1, description="largest accepted picture, width times height")
    thumbnail_side: int = Field(ge=16, le=2048, description="longer side of thumbnails in pixels")
    allow_private_addresses: bool = Field(default=False, description="fetch URLs inside the own network too")
    fetch_seconds: float = Field(gt=0, description="time limit of one download")

    naming: NamingSettings = Field(description="how categories get names")
    access: AccessSettings = Field(description="who may talk to the service")
    operations: OperationsSettings = Field(description="running the service")
    uploads: UploadSettings = Field(description="how uploads are taken in")
    live: LiveSettings = Field(description="streams of events")
    webhooks: WebhookSettings = Field(description="deliveries of events")
    search: SearchSettings = Field(description="what a search shows by itself")
    store: StoreSettings = Field(description="where vectors live")
    shared: SharedSettings = Field(description="processes that share a library")
    bulk: BulkSettings = Field(description="encoding by Ray")

    @property
    def is_shared(self) -> bool:
        """Whether any number of processes may have the library open: its database and its store are servers."""
        return bool(self.store.url and self.database and self.database.startswith("postgresql"))

    @field_validator("encoder")
    @classmethod
    def _absolute(cls, spec: str) -> str:
        """A file or folder is kept with the collection, and must mean the same wherever the next process starts."""
        kind, _, place = spec.partition(":")
        return f"{kind}:{Path(place).expanduser().absolute()}" if kind in {"path", "onnx"} and place else spec

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Order of precedence, strongest first."""
        files = [config_folder() / "default.toml"]
        own = os.environ.get("CATEGORISER_CONFIG")
        if own:
            files.append(Path(own))
        files_source = TomlConfigSettingsSource(settings_cls, toml_file=files, deep_merge=True)
        return init_settings, EnvironmentAndFiles(settings_cls), files_source

    @classmethod
    def load(cls, **arguments: Any) -> Settings:
        """Read all sources; ``arguments`` that are None count as not given.

        Raises:
            ConfigurationError: a value is out of range or a name is unknown.
        """
        given = {name: value for name, value in arguments.items() if value is not None}
        own = os.environ.get("CATEGORISER_CONFIG")
        if own and not Path(own).is_file():
            raise ConfigurationError(f"CATEGORISER_CONFIG names {own}, which is no file: correct or unset it.")
        try:
            return cls(**given)
        except (tomllib.TOMLDecodeError, UnicodeDecodeError, OSError) as error:
            file = own or config_folder() / "default.toml"  # the shipped one is sound
            reason = (error.strerror if isinstance(error, OSError) else None) or error
            raise ConfigurationError(f"The configuration file {file} cannot be read: {reason}.") from None
        except SettingsError as error:  # of all settings only tables are read as JSON
            table = re.search(r'field "(\w+)"', str(error))
            name = f"CATEGORISER_{table[1].upper()}" if table else "CATEGORISER_<TABLE>"
            raise ConfigurationError(
                f"{name} is no JSON object: correct it, or set its parts as {name}__<NAME>."
            ) from None
        except ValidationError as error:
            raise ConfigurationError(_sentence(error.errors()[0])) from None


_WANTED: Final = {  # pydantic's word for what is wrong → what would be right
    "bool_parsing": "true or false",
    "bool_type": "true or false",
    "int_parsing": "a whole number",
    "int_from_float": "a whole number",
    "int_type": "a whole number",
    "int_parsing_size": "a whole number that is not as large",
    "float_parsing": "a number",
    "float_type": "a number",
    "string_type": "a text",
    "tuple_type": 'a list such as ["one", "two"]',
    "model_type": "a table of settings",
    "model_attributes_type": "a table of settings",
}


def _sentence(problem: ErrorDetails) -> str:
    where = ".".join(str(part) for part in problem["loc"])
    kind, given, bounds = problem["type"], problem["input"], problem.get("ctx", {})
    if kind == "extra_forbidden":
        return f"There is no setting {where}; config/default.toml lists all there are."
    wanted = _WANTED.get(kind)
    match kind:
        case "greater_than_equal":
            wanted = f"at least {bounds['ge']}"
        case "greater_than":
            wanted = f"more than {bounds['gt']}"
        case "less_than_equal":
            wanted = f"at most {bounds['le']}"
        case "literal_error":
            wanted = f"one of {bounds['expected']}".replace(" or ", ", ")
        case "string_too_short":
            wanted = f"at least {bounds['min_length']} letters long"
    if kind == "missing":
        return f"The setting {where} has to be given."
    if wanted is None:
        return f"The setting {where} is {given!r}: {problem['msg'].removeprefix('Value error, ').rstrip('.')}."
    return f"The setting {where} is {given!r}; it has to be {wanted}."
