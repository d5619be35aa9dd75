"""Work on what strangers wrote, done in a process apart: bounded, killable, without secrets, network or effects.

``frames("package.module:function", params, source)`` runs ``function(params, file, give)`` in a child of its own and
yields what that gives: JSON values and bytes. The child has no environment and cannot open connections, start programs
or write files; it ends when it takes more memory or time than its ``Limits``, or when nobody listens any more.

A process that uses this keeps one idle helper, which has loaded what the work needs and is forked for each call, so
that a call costs a few milliseconds and nothing of one call is left for the next. Unused it ends by itself.
"""

from ipaas.core.apart.calls import ApartBusy, ApartFailed, ApartLimit, Give, Limits, Refused, answer, frames

__all__ = ["ApartBusy", "ApartFailed", "ApartLimit", "Give", "Limits", "Refused", "answer", "frames"]
