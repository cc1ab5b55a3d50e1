"""Names of files, made from a template: `app-{pid}-{n}.tonnage`.

Fields are {pid}, {time} (UTC, 20261121T140530Z), {n} (1, 2, …) and {host}; $pid, $timestamp and $counter are pid, time
and n. `{{`, `}}` and `$$` stand for {, } and $.
"""

from __future__ import annotations

import os
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

FIELDS = ("pid", "time", "n", "host")
_OLD_FIELDS = {"pid": "pid", "timestamp": "time", "counter": "n"}
_OTHERS = {"{{": "{", "}}": "}", "$$": "$"}

Part = tuple[bool, str]  # whether it is a field, and its name or the text


def _is_word(character: str) -> bool:
    return character == "_" or (character.isascii() and character.isalnum())


def _field(text: str, at: int) -> tuple[str, int]:
    """The field that begins at a `{` or `$`, and where the text goes on."""
    if text.startswith("${", at) or text[at] == "{":
        start = text.index("{", at) + 1
        end = text.find("}", start)
        if end < 0:
            raise ValueError("a { without its }; {{ stands for the character")
        after = end + 1
    else:
        start = end = at + 1
        while end < len(text) and _is_word(text[end]):
            end += 1
        after = end
    name = text[start:end]
    if text[at] == "$":
        if name not in _OLD_FIELDS:
            raise ValueError(f"no field ${name}: there are $pid, $timestamp and $counter; $$ stands for the character")
        return _OLD_FIELDS[name], after
    if name not in FIELDS:
        shown = ", ".join(f"{{{field}}}" for field in FIELDS)
        raise ValueError(f"no field {{{name}}}: there are {shown}; {{{{ stands for the character {{")
    return name, after


def _parse(text: str) -> list[Part]:
    parts: list[Part] = []
    at = 0
    while at < len(text):
        if (plain := _OTHERS.get(text[at : at + 2])) is not None:
            parts.append((False, plain))
            at += 2
        elif text[at] in "{$":
            name, at = _field(text, at)
            parts.append((True, name))
        elif text[at] == "}":
            raise ValueError("a } without its {; }} stands for the character")
        else:
            parts.append((False, text[at]))
            at += 1
    return parts


def _insert(text: str, addition: str) -> str:
    """Puts an addition before the suffix."""
    stem, suffix = os.path.splitext(text)
    return stem + addition + suffix


def escape(text: str) -> str:
    """A template that gives this text."""
    return text.replace("{", "{{").replace("}", "}}").replace("$", "$$")


class Template:
    """A template that was found to be right.

    Raises:
        ValueError: an unknown field, or a bracket without its other half; the text names the way out.
    """

    __slots__ = ("_parts", "text")

    def __init__(self, text: str) -> None:
        if not text:
            raise ValueError("the name of a file is empty")
        self.text = text
        self._parts = _parse(text)

    def has(self, *names: str) -> bool:
        """Whether one of these fields is in it."""
        return any(is_field and name in names for is_field, name in self._parts)

    def with_field(self, name: str) -> Template:
        """The same with `-{name}` before the suffix, or itself if the field is in it already."""
        return self if self.has(name) else Template(_insert(self.text, f"-{{{name}}}"))

    def render(self, fields: dict[str, str]) -> str:
        """The name. Values cannot lead into another folder: a slash in them becomes `_`."""
        return "".join(fields[text].replace("/", "_") if is_field else text for is_field, text in self._parts)


class Names:
    """Gives names for new files, each once.

    Args:
        template: what the names look like.
        folder: what they are relative to; "" for the current folder at the time.
        several: more than one file is to come: `-{n}` goes before the suffix unless {n} or {time} tells them apart.
        child: this is not the process that was started: `-{pid}` goes before the suffix unless {pid} is there.
        force: names of files that exist are given, too.
    """

    __slots__ = ("_clock", "_folder", "_force", "_last", "_next", "template")

    def __init__(
        self,
        template: Template,
        folder: str = "",
        *,
        several: bool = False,
        child: bool = False,
        force: bool = False,
        clock: Callable[[], float] = time.time,
    ) -> None:
        from itertools import count

        if child:
            template = template.with_field("pid")
        if several and not template.has("n", "time"):
            template = template.with_field("n")
        self.template = template
        self._folder = folder
        self._force = force
        self._next = count(1).__next__  # one step even when several threads ask
        self._last = ""  # before the file of a name exists, the name can come up again within one second
        self._clock = clock

    @property
    def is_one(self) -> bool:
        """Whether all names would be the same."""
        return not self.template.has("n", "time")

    def render(self, n: int) -> str:
        """The n-th name, whether there is such a file or not."""
        fields = {
            "pid": str(os.getpid()),
            "time": time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(self._clock())),
            "n": str(n),
            "host": os.uname().nodename,
        }
        return os.path.join(self._folder, self.template.render(fields))

    def new(self) -> str:
        """A name that was not given before and, without force, that no file has.

        Of a template that gives one name alone it is that name, whether there is such a file or not.
        """
        while True:
            n = self._next()
            name = self.render(n)
            if self.is_one:
                return name
            if not self.template.has("n"):
                first, self._last = name != self._last, name
                if not first or not self._is_free(name):
                    name = _insert(name, f"-{n}")
            if self._is_free(name):
                return name

    def _is_free(self, name: str) -> bool:
        return self._force or not os.path.lexists(name)
