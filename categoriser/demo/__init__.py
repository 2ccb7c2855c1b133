"""The whole service shown on a folder of pictures: upload over HTTP, one run, categories, search, a page to look at."""

from categoriser.demo.report import Audience, DemoReport, Search
from categoriser.demo.story import Plan, tell

__all__ = ["Audience", "DemoReport", "Plan", "Search", "tell"]
