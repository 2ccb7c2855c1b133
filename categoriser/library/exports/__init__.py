"""What a collection holds, for other programs: streams of bytes that are made as they are read, with bounded memory."""

from categoriser.library.exports.selection import Selection
from categoriser.library.exports.streams import STYLES, Exporter, ExportReport, StreamStyle

__all__ = ["STYLES", "ExportReport", "Exporter", "Selection", "StreamStyle"]
