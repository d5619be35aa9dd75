"""Input and output formats of mappings: what stands under ``input`` and ``output`` of the document.

An input is read by a process apart (``inputs``, which runs ``reading`` there), an output is written here (``writing``).
A mapping whose input says ``records`` is applied to each record by itself, so that a large file needs little memory.
"""

BINARY = frozenset({"xlsx"})
"""Formats that a text can not carry as they are."""
MEDIA_TYPES = {
    "json": "application/json",
    "csv": "text/csv",
    "xml": "application/xml",
    "form": "application/x-www-form-urlencoded",
    "fixed": "text/plain",
    "segments": "text/plain",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}
