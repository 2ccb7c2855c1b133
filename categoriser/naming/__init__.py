"""Names for categories: sources behind one Protocol, asked in turn, and the tests that a name has to pass.

Pure: it knows vectors, words and pictures, and neither database nor settings. docs/naming.md explains it.
"""

from categoriser.naming.chain import Chain, Named
from categoriser.naming.evidence import Case, Evidence, NameSource, Picture, Proposal, Refusal, Survey
from categoriser.naming.style import Style

__all__ = ["Case", "Chain", "Evidence", "NameSource", "Named", "Picture", "Proposal", "Refusal", "Style", "Survey"]
