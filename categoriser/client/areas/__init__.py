"""Every call of the service, described once, by what it is about."""

from categoriser.client.areas.access import Access
from categoriser.client.areas.categories import Categories
from categoriser.client.areas.corrections import Corrections
from categoriser.client.areas.exporting import Exporting
from categoriser.client.areas.history import History
from categoriser.client.areas.images import Images
from categoriser.client.areas.naming import Naming
from categoriser.client.areas.operating import Operating
from categoriser.client.areas.runs import Runs
from categoriser.client.areas.searching import Searching
from categoriser.client.areas.uploading import Uploading
from categoriser.client.areas.views import Views
from categoriser.client.areas.webhooks import PrefixWebhooks, Webhooks


class ServiceCalls(Operating, Access, PrefixWebhooks):
    """What is asked of the service as a whole."""


class CollectionCalls(
    Uploading, Images, Categories, Naming, Corrections, Runs, Searching, History, Exporting, Views, Webhooks
):
    """What is asked of a collection, and of a view as far as it has it."""


__all__ = ["CollectionCalls", "ServiceCalls"]
