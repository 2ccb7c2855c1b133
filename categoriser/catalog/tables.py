"""The tables. SQL is the truth about images, categories and history; the vector store and all files can be rebuilt.

Numbers (row, micro, category, cursor) count within one collection, so that none of them tells anything about another.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias

import sqlalchemy as sa

Record: TypeAlias = Mapping[str, Any]  # a row as read, by column name

metadata = sa.MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    }
)

_Id = sa.BigInteger().with_variant(sa.Integer, "sqlite")  # SQLite counts up only in a column of type INTEGER
_JSON = sa.JSON(none_as_null=True)  # nothing is NULL and not the text "null", which takes time to write


def _owner() -> sa.Column[int]:
    return sa.Column("collection_id", _Id, sa.ForeignKey("collections.id", ondelete="CASCADE"), nullable=False)


def summed(column: sa.ColumnElement[Any]) -> sa.ColumnElement[int]:
    """The sum of whole numbers, 0 of none. PostgreSQL by itself answers a decimal, which is no number for JSON."""
    return sa.cast(sa.func.coalesce(sa.func.sum(column), 0), sa.BigInteger)


collections = sa.Table(
    "collections",
    metadata,
    sa.Column("id", _Id, primary_key=True, autoincrement=True),
    sa.Column("key", sa.String(16), nullable=False, unique=True),  # random, never reused: names files and points
    sa.Column("name", sa.String(255), nullable=False, unique=True),
    sa.Column("encoder_id", sa.String(255), nullable=False),
    sa.Column("encoder_spec", sa.Text, nullable=False),  # how to open it again
    sa.Column("dimension", sa.Integer, nullable=False),
    sa.Column("granularity", sa.String(16), nullable=False),
    sa.Column("created_at", sa.Double, nullable=False),
    sa.Column("next_row", sa.BigInteger, nullable=False, server_default="0"),
    sa.Column("next_category", sa.BigInteger, nullable=False, server_default="0"),
    sa.Column("next_group", sa.BigInteger, nullable=False, server_default="0"),
    sa.Column("next_cursor", sa.BigInteger, nullable=False, server_default="1"),
    sa.Column("next_suggestion", sa.BigInteger, nullable=False, server_default="1"),
    sa.Column("taxonomy_version", sa.BigInteger, nullable=False, server_default="0"),
    sa.Column("calibration", _JSON, nullable=True),
    sa.Column("images_at_run", sa.BigInteger, nullable=False, server_default="0"),
    sa.Column("last_run_at", sa.Double, nullable=True),
    sa.Column("seen_at_run", sa.String(64), nullable=True),  # what there was after the last run
    sa.Column("schedule", sa.String(255), nullable=True),  # null: the deployment's; empty: none
    sa.Column("schedule_since", sa.Double, nullable=True),
    sa.Column("parent_key", sa.String(16), nullable=True),  # of a view: the collection whose pictures it groups
    sa.Column("wanted", sa.Integer, nullable=True),  # number of categories, where a person gave it
    sa.Column("revision", sa.BigInteger, nullable=False, server_default="0"),  # see catalog/sharing.py
    sa.Column("reshaped", sa.BigInteger, nullable=False, server_default="0"),
    sa.Column("rewritten", sa.BigInteger, nullable=False, server_default="0"),
    sa.Index(None, "parent_key"),
    sqlite_autoincrement=True,
)

images = sa.Table(
    "images",
    metadata,
    _owner(),
    sa.Column("row", sa.BigInteger, nullable=False),  # order of arrival
    sa.Column("image_id", sa.Text, nullable=False),
    sa.Column("micro", sa.BigInteger, nullable=False),
    sa.Column("head_row", sa.BigInteger, nullable=True),  # near-duplicate of that row
    sa.Column("added_at", sa.Double, nullable=False),
    sa.Column("sha256", sa.String(64), nullable=True),
    sa.Column("phash", sa.LargeBinary, nullable=True),
    sa.Column("name", sa.Text, nullable=True),
    sa.Column("source", sa.Text, nullable=True),  # path or URL
    sa.Column("stored", sa.Boolean, nullable=False, server_default=sa.false()),  # the original lies with us
    sa.Column("format", sa.String(16), nullable=True),
    sa.Column("width", sa.Integer, nullable=True),
    sa.Column("height", sa.Integer, nullable=True),
    sa.Column("taken_at", sa.Double, nullable=True),
    sa.Column("metadata", _JSON, nullable=True),
    sa.PrimaryKeyConstraint("collection_id", "row"),
    sa.UniqueConstraint("collection_id", "image_id"),
    sa.Index(None, "collection_id", "micro"),
    sa.Index(None, "collection_id", "sha256"),
)

micros = sa.Table(
    "micros",
    metadata,
    _owner(),
    sa.Column("number", sa.BigInteger, nullable=False),
    sa.Column("category", sa.BigInteger, nullable=True),  # null: Unsorted
    sa.Column("images", sa.BigInteger, nullable=False),  # stacked ones included
    sa.Column("tentative", sa.Boolean, nullable=False, server_default=sa.false()),  # the next run decides anew
    sa.PrimaryKeyConstraint("collection_id", "number"),
    sa.Index(None, "collection_id", "category", "images"),  # sizes are read from the index alone
)

categories = sa.Table(
    "categories",
    metadata,
    _owner(),
    sa.Column("number", sa.BigInteger, nullable=False),
    sa.Column("label", sa.Text, nullable=True),  # null: "Category 3"
    sa.Column("created_at", sa.Double, nullable=False),
    sa.Column("retired_at", sa.Double, nullable=True),
    sa.Column("merged_into", sa.BigInteger, nullable=True),  # where a retired id leads
    sa.Column("cohesion", sa.Double, nullable=True),  # as of the last run
    sa.Column("exemplars", _JSON, nullable=True),  # image ids as of the last run
    sa.Column("named_by", sa.String(8), nullable=True),  # person | machine
    sa.Column("naming", _JSON, nullable=True),  # where the name comes from, and what a person might change it to
    sa.Column("locked", sa.Boolean, nullable=False, server_default=sa.false()),
    sa.Column("hidden", sa.Boolean, nullable=False, server_default=sa.false()),
    sa.Column("strictness", sa.Double, nullable=False, server_default="0"),  # σ above the usual floor for newcomers
    sa.Column("checked_row", sa.BigInteger, nullable=False, server_default="0"),  # first that came after its last check
    sa.Column("group_number", sa.BigInteger, nullable=True),  # null only until the transaction that made it ends
    sa.PrimaryKeyConstraint("collection_id", "number"),
)

# broad groups over categories; a group without a living category is retired
groups = sa.Table(
    "groups",
    metadata,
    _owner(),
    sa.Column("number", sa.BigInteger, nullable=False),
    sa.Column("created_at", sa.Double, nullable=False),
    sa.Column("retired_at", sa.Double, nullable=True),
    sa.Column("merged_into", sa.BigInteger, nullable=True),  # where a retired id leads
    sa.PrimaryKeyConstraint("collection_id", "number"),
)

events = sa.Table(
    "events",
    metadata,
    _owner(),
    sa.Column("cursor", sa.BigInteger, nullable=False),
    sa.Column("kind", sa.String(16), nullable=False),
    sa.Column("at", sa.Double, nullable=False),
    sa.Column("image_id", sa.Text, nullable=True),
    sa.Column("category", sa.BigInteger, nullable=True),
    sa.Column("detail", _JSON, nullable=True),
    sa.PrimaryKeyConstraint("collection_id", "cursor"),
)

# what people decided, for the engine to honour
constraints = sa.Table(
    "constraints",
    metadata,
    _owner(),
    sa.Column("kind", sa.String(8), nullable=False),  # pin | reject | apart | whole
    sa.Column("subject", sa.BigInteger, nullable=False),  # pin, reject: a micro-cluster; apart, whole: a category
    sa.Column("category", sa.BigInteger, nullable=False),  # reject: which not; apart: the other one; else -1
    sa.PrimaryKeyConstraint("collection_id", "kind", "subject", "category"),
)

# every change of categories other than by an arrival, with what is needed to undo it
versions = sa.Table(
    "versions",
    metadata,
    _owner(),
    sa.Column("version", sa.BigInteger, nullable=False),
    sa.Column("kind", sa.String(16), nullable=False),  # run | move | merge | ... | undo
    sa.Column("at", sa.Double, nullable=False),
    sa.Column("last_cursor", sa.BigInteger, nullable=False),  # the taxonomy of this version is all events up to here
    sa.Column("seconds", sa.Double, nullable=False),
    sa.Column("summary", sa.JSON, nullable=False),
    sa.Column("change", sa.JSON, nullable=False),
    sa.Column("undone_by", sa.BigInteger, nullable=True),
    sa.PrimaryKeyConstraint("collection_id", "version"),
)

# what runs would change and may not, until a person decides or a run does not find it any more
suggestions = sa.Table(
    "suggestions",
    metadata,
    _owner(),
    sa.Column("number", sa.BigInteger, nullable=False),  # never reused
    sa.Column("kind", sa.String(16), nullable=False),  # split | merge | move | release
    sa.Column("source", sa.BigInteger, nullable=False),
    sa.Column("target", sa.BigInteger, nullable=True),  # null: a new category (split) or Unsorted (release)
    sa.Column("micros", sa.JSON, nullable=False),  # micro-clusters that would go
    sa.Column("moves", sa.JSON, nullable=False),  # [row, micro-cluster that it would join]
    sa.Column("size", sa.BigInteger, nullable=False),  # images that it is about, when it was last found
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("version", sa.BigInteger, nullable=False),  # of the run that found it first
    sa.Column("found_at", sa.Double, nullable=False),
    sa.Column("dismissed_at", sa.Double, nullable=True),  # set: not to be proposed while it is about the same images
    sa.PrimaryKeyConstraint("collection_id", "number"),
)

# scheduled work, each slot done once whoever tries
slots = sa.Table(
    "slots",
    metadata,
    _owner(),
    sa.Column("kind", sa.String(16), nullable=False),
    sa.Column("slot", sa.String(32), nullable=False),  # when it began, so that later ones sort behind
    sa.Column("owner", sa.String(255), nullable=False),
    sa.Column("token", sa.BigInteger, nullable=False),  # grows with every owner: an earlier one finishes nothing
    sa.Column("expires_at", sa.Double, nullable=False),
    sa.Column("started_at", sa.Double, nullable=False),
    sa.Column("finished_at", sa.Double, nullable=True),
    sa.Column("seconds", sa.Double, nullable=True),
    sa.Column("result", _JSON, nullable=True),
    sa.PrimaryKeyConstraint("collection_id", "kind", "slot"),
    sa.Index(None, "kind", "slot"),
)

inbox = sa.Table(
    "inbox",
    metadata,
    sa.Column("id", _Id, primary_key=True, autoincrement=True),
    _owner(),
    sa.Column("image_id", sa.Text, nullable=True),
    sa.Column("sha256", sa.String(64), nullable=True),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("source", sa.Text, nullable=True),
    sa.Column("stored", sa.Boolean, nullable=False),
    sa.Column("metadata", _JSON, nullable=True),
    sa.Column("accepted_at", sa.Double, nullable=False),
    sa.Column("reason", sa.Text, nullable=True),  # set: it failed for good
    sa.Column("owner", sa.String(64), nullable=True),  # the process that files it; null: whoever comes first
    sa.Column("claims", sa.Integer, nullable=False, server_default="0"),  # how often it was taken over
    sa.Column("url", sa.Text, nullable=True),  # as it has to be fetched; may hold secrets, and is never shown
    sa.Column("inside", sa.Boolean, nullable=False, server_default=sa.false()),  # may be fetched from our own network
    sa.Column("attempts", sa.Integer, nullable=False, server_default="0"),  # that ended in a passing failure
    sa.Column("next_at", sa.Double, nullable=True),  # set: not to be tried before
    sa.Column("problem", sa.Text, nullable=True),  # of the last attempt
    sa.Index(None, "collection_id", "id"),
    sa.Index(None, "collection_id", "sha256"),
    sa.Index(None, "collection_id", "source"),
    sqlite_autoincrement=True,
)

# processes that share the database, each as long as it says that it lives
processes = sa.Table(
    "processes",
    metadata,
    sa.Column("id", sa.String(64), primary_key=True),
    sa.Column("started_at", sa.Double, nullable=False),
    sa.Column("expires_at", sa.Double, nullable=False),  # by the database's clock
)

# what the vector store still has to be told: written in the transaction that decided it, deleted after a flush
outbox = sa.Table(
    "outbox",
    metadata,
    sa.Column("id", _Id, primary_key=True, autoincrement=True),
    sa.Column("collection_key", sa.String(16), nullable=False),
    sa.Column("encoder_id", sa.String(255), nullable=False),
    sa.Column("dimension", sa.Integer, nullable=False),
    sa.Column("operation", sa.String(8), nullable=False),  # put | move | delete | forget | drop
    sa.Column("image_ids", sa.JSON, nullable=False),
    sa.Column("micro_ids", sa.LargeBinary, nullable=True),  # int64
    sa.Column("vectors", sa.LargeBinary, nullable=True),  # float32
    sa.Column("added_at", sa.LargeBinary, nullable=True),  # float64
    sa.Index(None, "collection_key"),
    sqlite_autoincrement=True,
)

# what makes a collection one of texts or terms; a view's own collection, or one of texts alone
views = sa.Table(
    "views",
    metadata,
    _owner(),
    sa.Column("criterion", sa.Text, nullable=False),
    sa.Column("spec", sa.JSON, nullable=False),
    sa.Column("lexicon", _JSON, nullable=True),
    sa.Column("learned_from", sa.BigInteger, nullable=False, server_default="0"),  # texts
    sa.Column("parent_row", sa.BigInteger, nullable=False, server_default="-1"),  # last of the parent's that was seen
    sa.PrimaryKeyConstraint("collection_id"),
)

descriptions = sa.Table(
    "descriptions",
    metadata,
    _owner(),
    sa.Column("sha256", sa.String(64), nullable=False),
    sa.Column("question", sa.String(64), nullable=False),  # digest of who was asked what
    sa.Column("text", sa.Text, nullable=False),
    sa.PrimaryKeyConstraint("collection_id", "sha256", "question"),
)
