"""Changing parts of a YAML (or JSON) text: every byte outside of the changed part stays, comments included.

The text is composed for the places of its nodes, and each edit replaces the smallest stretch that says the changed
value. What comes out is read back and compared with what was meant; where it differs, as with anchors, the edit is
refused and the text left to be changed by hand.
"""

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import yaml

from ipaas.core import yamlio
from ipaas.core.errors import InvalidInput
from ipaas.core.phrases import said

_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_UNFIT = re.compile(r"^[\s]|[^\S\n]\n|\n\n$|^\n|[^\x20-\x7e\n\xa0-\ud7ff]|[\x85\u2028\u2029]|\s$(?<!\n)")
"""Texts that can not stand as lines below their key."""
_FLOW_WIDTH = 88
_STEP = 2

Deed = Literal["set", "remove", "rename", "move"]
DEEDS: tuple[Deed, ...] = ("set", "remove", "rename", "move")
Path = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Edit:
    """One change at ``path`` (keys and indexes from the root).

    ``set`` puts ``value`` there and makes the key, and objects around it, where there are none; objects are merged, so
    that their unchanged parts keep their text. ``remove`` takes the key away. ``rename`` calls the key ``name``.
    ``move`` puts the key behind its sibling ``name``, or first where that is "".
    """

    deed: Deed
    path: Path
    value: Any = None
    name: str = ""


def edited(text: str, edits: Sequence[Edit]) -> str:
    """The text with the edits done in order. Raises ``InvalidInput`` where one can not be done to this text."""
    content = yamlio.load(text)
    for given in edits:
        edit = _with_parents(content, given)
        text = _Text(text).changed(edit)
        content = _meant(content, edit)
    if not _says(text, content):
        raise _refused(said("this part of the text is written in a way that can only be changed as text"))
    return text


def _with_parents(content: Any, edit: Edit) -> Edit:
    """A ``set`` inside of objects that are not there yet, as one of the outermost of them."""
    node = content
    for number, part in enumerate(edit.path[:-1]):
        if edit.deed == "set" and isinstance(node, dict) and part not in node:
            value = edit.value
            for key in reversed(edit.path[number + 1 :]):
                value = {key: value}
            return Edit("set", edit.path[: number + 1], value)
        inside = isinstance(node, dict) and part in node
        inside |= isinstance(node, list) and isinstance(part, int) and 0 <= part < len(node)
        node = node[part] if inside else None
    return edit


def _says(text: str, content: Any) -> bool:
    try:
        return bool(yamlio.load(text) == content)
    except yamlio.YamlInvalid:
        return False


def _refused(message: str) -> InvalidInput:
    return InvalidInput([{"path": "", "code": "document.edit", "message": message}])


def _meant(content: Any, edit: Edit) -> Any:
    """The content after an edit, independent of how it is written; order of keys does not count."""
    root = {"": content}
    holder: Any = root
    for part in ("", *edit.path[:-1]):
        holder = holder[part]
    key = edit.path[-1] if edit.path else ""
    holder = holder if edit.path else root
    if edit.deed == "set":
        holder[key] = edit.value
    elif edit.deed == "remove":
        del holder[key]
    elif edit.deed == "rename":
        value = holder.pop(key)
        if edit.name in holder:
            raise _refused(said("there is a field {name!r} already", name=edit.name))
        holder[edit.name] = value
    return root[""]


@dataclass(slots=True)
class _Entry:
    """A key of an object with its value, and where both stand."""

    key: yaml.ScalarNode
    value: yaml.Node
    start: int
    end: int

    @property
    def name(self) -> str:
        return str(self.key.value)


class _Text:
    """A text with the places of its nodes."""

    def __init__(self, text: str) -> None:
        self.text = text
        try:
            root = yaml.compose(text, Loader=_Loader)
        except yaml.YAMLError:
            root = None
        if root is None:
            raise _refused(said("the text is not a document"))
        self.root: yaml.Node = root

    def changed(self, edit: Edit) -> str:
        holder = self._node(edit.path[:-1])
        if not edit.path or not isinstance(holder, yaml.MappingNode | yaml.SequenceNode):
            raise _missing(edit.path)
        key = edit.path[-1]
        if isinstance(holder, yaml.SequenceNode):
            if edit.deed != "set" or not isinstance(key, int) or key >= len(holder.value):
                raise _missing(edit.path)
            return self._written(self._replaced(holder.value[key], edit.value))
        entry = next((one for one in self._entries(holder) if one.name == key), None)
        if edit.deed == "set":
            return self._written(self._set(holder, entry, str(key), edit.value))
        if entry is None:
            raise _missing(edit.path)
        if edit.deed == "remove":
            return self._written(self._removed(holder, entry))
        if edit.deed == "rename":
            name = _key(edit.name)
            return self._written([(entry.start, entry.key.end_mark.index, name)])
        return self._moved(holder, entry, edit.name)

    def _written(self, changes: list[tuple[int, int, str]]) -> str:
        text = self.text
        for start, end, new in sorted(changes, reverse=True):
            text = text[:start] + new + text[end:]
        return text

    # -- places

    def _node(self, path: Path) -> yaml.Node:
        node = self.root
        for part in path:
            found = None
            if isinstance(node, yaml.MappingNode):
                found = next((value for key, value in node.value if key.value == part), None)
            elif isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
                found = node.value[part]
            if found is None:
                raise _missing(path)
            node = found
        return node

    def _entries(self, node: yaml.MappingNode) -> list[_Entry]:
        return [_Entry(key, value, key.start_mark.index, self._end(key, value)) for key, value in node.value]

    def _end(self, key: yaml.Node | None, node: yaml.Node) -> int:
        """Where the last character of a value stands; the marks of blocks lie behind the comments after them."""
        if isinstance(node, yaml.MappingNode | yaml.SequenceNode) and not node.flow_style and node.value:
            last = node.value[-1]
            return self._end(*last) if isinstance(node, yaml.MappingNode) else self._end(None, last)
        start, end = node.start_mark.index, node.end_mark.index
        if start == end and key is not None:
            return self.text.index(":", key.end_mark.index) + 1
        return start + len(self.text[start:end].rstrip()) if getattr(node, "style", None) in ("|", ">") else end

    def _line_start(self, at: int) -> int:
        return self.text.rfind("\n", 0, at) + 1

    def _line_end(self, at: int) -> int:
        """Behind the line break of the line in which ``at`` stands."""
        found = self.text.find("\n", at)
        return len(self.text) if found < 0 else found + 1

    # -- changes: (start, end, new text)

    def _set(self, holder: yaml.MappingNode, entry: _Entry | None, key: str, value: Any) -> list[tuple[int, int, str]]:
        if entry is None:
            return self._added(holder, key, value)
        return self._merged(holder, entry, value)

    def _merged(self, holder: yaml.MappingNode, entry: _Entry, value: Any) -> list[tuple[int, int, str]]:
        node = entry.value
        if not (isinstance(node, yaml.MappingNode) and node.value and isinstance(value, dict) and value):
            return self._entry_replaced(holder, entry, value)
        entries = {one.name: one for one in self._entries(node)}
        fresh, gone = [key for key in value if key not in entries], [key for key in entries if key not in value]
        if fresh or gone:
            if len(gone) == len(entries):
                return self._entry_replaced(holder, entry, value)
            return self._reshaped(node, value, fresh, gone)
        changes: list[tuple[int, int, str]] = []
        for name, one in entries.items():
            if _read(one.value) != value[name]:
                changes += self._merged(node, one, value[name])
        return changes

    def _reshaped(
        self, node: yaml.MappingNode, value: dict[str, Any], fresh: list[str], gone: list[str]
    ) -> list[tuple[int, int, str]]:
        """Keys come and go: one after the other, each upon the text that the last one left."""
        kept = [one.name for one in self._entries(node) if one.name not in gone]
        path = self._path_of(node)
        edits = [Edit("set", (*path, key), value[key]) for key in (*kept, *fresh)]
        text = self.text
        for edit in (*edits, *(Edit("remove", (*path, key)) for key in gone)):
            text = _Text(text).changed(edit)
        return [(0, len(self.text), text)]

    def _path_of(self, wanted: yaml.Node) -> Path:
        return next(path for path, node in _walk(self.root, ()) if node is wanted)

    def _entry_replaced(self, holder: yaml.MappingNode, entry: _Entry, value: Any) -> list[tuple[int, int, str]]:
        if holder.flow_style:
            return self._replaced(entry.value, value)
        colon = self.text.index(":", entry.key.end_mark.index) + 1
        column = self._column(entry.start)
        if isinstance(value, dict | list) and value and not _short(value):
            rest = self._line_end(entry.end - 1) if entry.end < len(self.text) else entry.end
            comment = self.text[entry.end : rest].rstrip("\n")
            body = _shifted(_block(value), column + _STEP)
            return [(colon, rest, f"{comment}\n{body}" if rest > entry.end or comment else f"\n{body}")]
        return [(colon, entry.end, _after_colon(value, column))]

    def _replaced(self, node: yaml.Node, value: Any) -> list[tuple[int, int, str]]:
        """A value within a list, or within braces, by another that needs no line of its own."""
        start, end = node.start_mark.index, self._end(None, node)
        if isinstance(node, yaml.MappingNode) and not node.flow_style and isinstance(value, dict) and value:
            body = _shifted(_block(value), node.start_mark.column)
            return [(start, end, body.strip())]
        return [(start, end, _inline(value))]

    def _column(self, at: int) -> int:
        return at - self._line_start(at)

    def _added(self, holder: yaml.MappingNode, key: str, value: Any) -> list[tuple[int, int, str]]:
        entries = self._entries(holder)
        if holder.flow_style:
            line = f"{_key(key)}: {_inline(value)}"
            start, end = holder.start_mark.index, holder.end_mark.index
            if entries:
                return [(entries[-1].end, entries[-1].end, f", {line}")]
            if self.text[:1] in "{[" or not self._line_start(start) < start:
                return [(start, end, f"{{{line}}}")]
            return self._unfolded(holder, key, value)
        column = self._column(entries[0].start)
        at = self._line_end(entries[-1].end - 1)
        fresh = "" if self.text[at - 1 : at] == "\n" else "\n"
        return [(at, at, fresh + _shifted(_entry(key, value), column))]

    def _unfolded(self, holder: yaml.MappingNode, key: str, value: Any) -> list[tuple[int, int, str]]:
        """``fields: {}`` that gets its first key: from then on with a line per key."""
        path = self._path_of(holder)
        parent = self._node(path[:-1])
        entry = next((one for one in _children(parent) if one[1] is holder), None)
        if entry is None or not isinstance(parent, yaml.MappingNode) or parent.flow_style:
            line = f"{_key(key)}: {_inline(value)}"
            return [(holder.start_mark.index, holder.end_mark.index, f"{{{line}}}")]
        own = next(one for one in self._entries(parent) if one.value is holder)
        colon = self.text.index(":", own.key.end_mark.index) + 1
        rest = self._line_end(own.end - 1)
        comment = self.text[own.end : rest].rstrip("\n")
        return [(colon, rest, f"{comment}\n{_shifted(_entry(key, value), self._column(own.start) + _STEP)}")]

    def _removed(self, holder: yaml.MappingNode, entry: _Entry) -> list[tuple[int, int, str]]:
        entries = self._entries(holder)
        if len(entries) == 1:
            return self._emptied(holder, entry)
        index = next(number for number, one in enumerate(entries) if one.start == entry.start)
        if holder.flow_style:
            if index + 1 < len(entries):
                return [(entry.start, entries[index + 1].start, "")]
            return [(entries[index - 1].end, entry.end, "")]
        start = self._line_start(entry.start)
        if self.text[start : entry.start].strip():  # the first key beside the hyphen of a list
            return [(entry.start, entries[index + 1].start, "")]
        return [(start, self._line_end(entry.end - 1), "")]

    def _emptied(self, holder: yaml.MappingNode, entry: _Entry) -> list[tuple[int, int, str]]:
        if holder.flow_style:
            return [(holder.start_mark.index, holder.end_mark.index, "{}")]
        path = self._path_of(holder)
        parent = self._node(path[:-1]) if path else None
        if isinstance(parent, yaml.MappingNode):
            own = next(one for one in self._entries(parent) if one.value is holder)
            return [(self.text.index(":", own.key.end_mark.index) + 1, own.end, " {}")]
        return [(entry.start, entry.end, "{}")]

    def _moved(self, holder: yaml.MappingNode, entry: _Entry, behind: str) -> str:
        entries = self._entries(holder)
        others = [one for one in entries if one.start != entry.start]
        at = next((number + 1 for number, one in enumerate(others) if one.name == behind), 0 if behind == "" else -1)
        if at < 0:
            raise _missing((behind,))
        order = [*others[:at], entry, *others[at:]]
        if holder.flow_style:
            pieces = [self.text[one.start : one.end] for one in order]
            changes = [(one.start, one.end, piece) for one, piece in zip(entries, pieces, strict=True)]
            return self._written(changes)
        spans = {one.start: self._span(one) for one in entries}
        if any(self.text[self._line_start(one.start) : one.start].strip() for one in entries):
            raise _refused(said("this part of the text is written in a way that can only be changed as text"))
        moving = self.text[slice(*spans[entry.start])]
        moving = moving if moving.endswith("\n") else f"{moving}\n"
        target = spans[order[at - 1].start][1] if at else spans[others[0].start][0]
        fresh = "" if target == 0 or self.text[target - 1] == "\n" else "\n"
        start, end = spans[entry.start]
        return self._written([(start, end, ""), (target, target, fresh + moving)])

    def _span(self, entry: _Entry) -> tuple[int, int]:
        """The lines of a key, with the lines of comment right above it."""
        start = self._line_start(entry.start)
        while start:
            above = self._line_start(start - 1)
            if not self.text[above:start].lstrip().startswith("#"):
                break
            start = above
        return start, self._line_end(entry.end - 1)


def _missing(path: Path) -> InvalidInput:
    return _refused(said("there is no {place!r} in the text", place=".".join(map(str, path))))


def _walk(node: yaml.Node, path: Path) -> Iterator[tuple[Path, yaml.Node]]:
    yield path, node
    for part, child in _children(node):
        yield from _walk(child, (*path, part))


def _children(node: yaml.Node) -> list[tuple[str | int, yaml.Node]]:
    if isinstance(node, yaml.MappingNode):
        return [(key.value, value) for key, value in node.value]
    return list(enumerate(node.value)) if isinstance(node, yaml.SequenceNode) else []


def _read(node: yaml.Node) -> Any:
    """The value of a node as the strict reader has it."""
    if isinstance(node, yaml.ScalarNode):
        return node.value if node.style else yamlio.plain(node.value)
    if isinstance(node, yaml.SequenceNode):
        return [_read(one) for one in node.value]
    return {key.value: _read(value) for key, value in node.value}


# -- writing


def _line(value: Any) -> str:
    return yamlio.dump(value, flow=True, width=float("inf")).strip()


def _inline(value: Any) -> str:
    """A value on one line, quoted so that it may stand in brackets too."""
    return _line([value])[1:-1]


def _key(name: str) -> str:
    written = _line({name: 0})
    return json.dumps(name) if written.startswith("{?") else written[1:-4]


def _short(value: Any) -> bool:
    """Whether an object or a list reads well on one line."""
    parts = value.values() if isinstance(value, dict) else value
    simple = all(not (isinstance(part, dict | list) and part) for part in parts)
    return simple and len(_line(value)) <= _FLOW_WIDTH


def _block(value: Any) -> str:
    """An object or a list with a line per part; short parts stand on one line."""
    if isinstance(value, dict) and value:
        return "".join(_entry(key, part) for key, part in value.items())
    if isinstance(value, list) and value:
        return "".join(f"- {_shifted(_block(part), _STEP).lstrip(' ')}" for part in value)
    return f"{_inline(value)}\n"


def _entry(key: str, value: Any) -> str:
    if isinstance(value, dict | list) and value and not _short(value):
        return f"{_key(key)}:\n{_shifted(_block(value), _STEP)}"
    return f"{_key(key)}:{_after_colon(value, 0)}\n"


def _after_colon(value: Any, column: int) -> str:
    """What stands behind ``key:``, whose own place in its line is ``column``."""
    if not isinstance(value, str) or "\n" not in value or _UNFIT.search(value):
        scalar = isinstance(value, str) and "\n" not in value
        return f" {yamlio.dump({'k': value}, width=float('inf'))[3:].strip()}" if scalar else f" {_inline(value)}"
    head, lines = ("|", value[:-1]) if value.endswith("\n") else ("|-", value)
    return f" {head}\n{_shifted(lines, column + _STEP)}"


def _shifted(text: str, column: int) -> str:
    """A text of whole lines, further to the right."""
    return "".join(f"{' ' * column}{line}" if line.strip() else line for line in text.splitlines(keepends=True))
