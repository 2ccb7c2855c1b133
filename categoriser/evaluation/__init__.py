"""The instrument: streams known pictures or vectors through the real library and says how well they were grouped."""

from categoriser.evaluation.evaluate import Audience, Plan, evaluate_collection, evaluate_subject
from categoriser.evaluation.html import Table, check_page, write_page
from categoriser.evaluation.orders import ARRIVALS, Arrival
from categoriser.evaluation.report import MEASURES, Evaluation, Outcome, PeerScore
from categoriser.evaluation.sources import doubt, read_subject
from categoriser.evaluation.subject import Subject
from categoriser.evaluation.zero_shot import NO_VOCABULARY, read_vocabulary

__all__ = [
    "ARRIVALS",
    "MEASURES",
    "NO_VOCABULARY",
    "Arrival",
    "Audience",
    "Evaluation",
    "Outcome",
    "PeerScore",
    "Plan",
    "Subject",
    "Table",
    "check_page",
    "doubt",
    "evaluate_collection",
    "evaluate_subject",
    "read_subject",
    "read_vocabulary",
    "write_page",
]
