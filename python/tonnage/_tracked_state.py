"""What a tracker knows: rules, kinds of instances, single objects, deaths, and the history that is made of these.

`_followed.py` calls `has_kind` and `has_death`, from any thread and without the lock of the tracker: each is a few
single steps.
"""

from __future__ import annotations

import time
from _weakref import ref

from tonnage import _followed
from tonnage._records import call
from tonnage._tracked_data import AGES, DEAD_MAX, History, Instance, Kind, Moment, Rule
from tonnage._tracked_sizes import Lives, Request
from tonnage.trace import _without_runner

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any, TypeVar

    from tonnage._followed import Death, Type
    from tonnage._tracked_data import Frame

    T = TypeVar("T")

_MS = 1_000_000
# in a row of _capture.lives_kinds()
_BORN, _DIED, _MORPHED, _LIFETIME, _AGES = range(4, 9)


class Own:
    """A kind of the engine that is the tracker's, or an object that is tracked by itself."""

    __slots__ = ("block", "kind", "of_engine", "rule", "type")

    def __init__(self, kind: int, rule: int, type_: int, of_engine: int, block: int = 0) -> None:
        self.kind = kind  # its number in the history
        self.rule = rule
        self.type = type_  # its address
        self.of_engine = of_engine
        self.block = block  # of an object


class State:
    """See above."""

    __slots__ = (
        "__weakref__", "_dead", "_frames", "_kinds", "_left", "_numbers", "_of_objects", "_rule_of_kind", "_sums",
        "classes", "labels", "moments", "morphed", "own", "previews", "ref", "rules", "singles", "special", "stacks",
        "started", "started_wall", "waiting",
    )  # fmt: skip

    def __init__(self) -> None:
        self.ref = ref(self)
        self.rules: list[Rule] = []
        self.classes: dict[int, tuple[type, int]] = {}  # by id: a class that is tracked, and its rule
        self.own: dict[int, Own] = {}  # by kind of the engine
        self.singles: dict[int, Own] = {}  # by serial number, as all that follow
        self.special: dict[int, int] = {}  # rules of objects that have one of their own, which those alike share
        self.labels: dict[int, str] = {}  # of these
        self.stacks: dict[int, list[Frame] | None] = {}  # of single objects
        self._frames: dict[int, list[Frame]] = {}  # by number of a stack, which means the same to the end
        self.morphed: dict[int, str] = {}
        self.previews: dict[int, str] = {}
        self.moments: list[Moment] = []
        self.waiting = 0  # snapshots that name kinds of the engine: until they are measured none may end
        self.started, self.started_wall = time.monotonic_ns(), time.time_ns()
        self._dead: dict[int, Instance] = {}
        self._left: dict[int, Instance] = {}  # given up while they lived
        self._kinds: list[tuple[str, ...]] = []  # names along the MRO of each exact type
        self._numbers: dict[tuple[str, ...], int] = {}  # their places
        self._rule_of_kind: dict[int, int] = {}
        self._of_objects: dict[tuple[int, bool, bool], int] = {}  # rules by what they say
        self._sums: dict[int, Kind] = {}  # of single objects, and of kinds of the engine that were given up

    # ---- told by _followed.py ----

    def has_kind(self, of_engine: int, type_: Type, rule: int) -> None:
        """A kind of the engine is the tracker's."""
        number = self._number(type_, rule)
        self._rule_of_kind[number] = rule
        self.own[of_engine] = Own(number, rule, type_.address, of_engine)

    def _number(self, type_: Type, rule: int) -> int:
        number = self._numbers.get(type_.names)
        if number is None:
            number = self._numbers[type_.names] = len(self._kinds)
            self._rule_of_kind[number] = rule
            self._kinds.append(type_.names)
        return number

    def has_ended(self, of_engine: int, row: tuple[Any, ...]) -> None:
        """A kind of the engine is none any more."""
        own = self.own.pop(of_engine, None)
        if own is not None:
            _add_row(self._sums_of(own.kind), row)

    def has_death(self, death: Death) -> None:
        """One of its own died."""
        serial, of_engine, address, birth, end, morphed, stack = death
        single = self.singles.pop(serial, None)
        own = single or self.own.get(of_engine)
        if own is None:
            return
        if single is not None:
            self._single_died(own.kind, end - birth, morphed)
        label, rule = self._label(serial, own), self.rules[self.special.get(serial, own.rule)]
        one = self._instance(serial, own, label, address, birth, stack, single is not None)
        one.death_ns = end
        if morphed and one.morphed_to is None:
            one.morphed_to = "unknown"
        if rule.keep:
            self._left[serial] = one
        else:
            self._dead[serial] = one
            while len(self._dead) > DEAD_MAX:
                oldest = next(iter(self._dead))
                del self._dead[oldest]
        self._forget(serial)  # now that it is known as a dead one

    def _single_died(self, kind: int, age: int, morphed: bool) -> None:
        sums = self._sums_of(kind)
        sums.died += 1
        sums.morphed += morphed
        sums.lifetime_ns += age
        sums.ages[min((age // _MS).bit_length(), AGES - 1)] += 1

    # ---- single objects ----

    def _sums_of(self, kind: int) -> Kind:
        return self._sums.setdefault(kind, Kind(index=kind, name="", rule=0))

    def take_single(self, x: object, rule: Rule) -> None:
        """Tracks an object by itself, or says how one that is tracked is."""
        serial, of_engine, block, birth, stack = _followed.follow_object(x, self.ref)
        if rule.trace and not stack:
            self.stacks[serial] = _frames(call(lambda c: (c.trace_site_of(x) or (0,))[0]))  # a number of the recording
        number = self.special[serial] = self._number_of(rule)
        if rule.label is None:
            self.labels.pop(serial, None)
        else:
            self.labels[serial] = rule.label
        type_ = _followed.type_of(of_engine)  # kinds have owners by now
        if serial in self.singles or of_engine in self.own:
            return
        kind = self._number(type_, number)
        self.singles[serial] = Own(kind, number, type_.address, of_engine, block)
        self._sums_of(kind).found += 1
        self._left.pop(serial, None)

    def _number_of(self, rule: Rule) -> int:
        """Of the rule that says the same, but for labels, of other objects: however many are tracked, there are few."""
        said = rule.resolution_level, rule.keep, rule.trace
        if said not in self._of_objects:
            shared = Rule(resolution_level=rule.resolution_level, keep=rule.keep, trace=rule.trace)
            self._of_objects[said] = self.add_rule(shared)
        return self._of_objects[said]

    def add_rule(self, rule: Rule) -> int:
        """Its number: a destructor that runs meanwhile may add others before and behind it."""
        self.rules.append(rule)
        return next(number for number, one in enumerate(self.rules) if one is rule)

    def _forget(self, serial: int) -> None:
        """What an object has of its own."""
        self.special.pop(serial, None)
        self.labels.pop(serial, None)
        self.stacks.pop(serial, None)

    def drop_single(self, serial: int) -> None:
        """Tracks an object by itself no more; it is still the tracker's if it is of a kind that is."""
        self._forget(serial)
        own = self.singles.pop(serial, None)
        if own is not None:
            _followed.release_object(serial, own.of_engine, own.block, self.ref)

    def drop_all(self) -> None:
        """Nothing is the tracker's any more. What moments have of the instances that live is remembered."""
        known = {serial for moment in self.moments for serial in moment.instances}
        left = {serial: one for serial, one in self.instances().items() if serial in known or serial in self.special}
        with _followed.lock:
            rows = _followed.poll()
            for serial in list(self.singles):
                self.drop_single(serial)
            given_up = list(self.own)
            for of_engine in given_up:
                self.has_ended(of_engine, rows[of_engine])
            _followed.release(given_up, self.ref)
        for serial in list(self.special):
            self._forget(serial)
        self._left.update(left)

    # ---- who there is ----

    def request(self, lives: Lives) -> Request:
        """What of these is the tracker's, to be measured."""
        request = Request()
        rows = zip(lives.serials, lives.kinds, lives.addresses, strict=True)
        for serial, address, own in ((row[0], row[2], self._owner(row[0], row[1])) for row in rows):
            if own is not None:
                request.serials.append(serial)
                request.addresses.append(address)
                request.kinds.append(own.kind)
                request.types.append(own.type)
        request.levels = self._said(lambda rule: rule.resolution_level)
        request.kept = self._said(lambda rule: rule.keep)
        return request

    def is_empty(self) -> bool:
        """Whether nothing is tracked."""
        return not (self.classes or self.singles or self.own)

    def wants_previews(self) -> bool:
        """Whether any rule says something that shows them."""
        return any(rule.keep or rule.resolution_level for rule in self.rules)

    def rule_of(self, serial: int, of_engine: int) -> tuple[Rule, str | None] | None:
        """How an object is tracked, and its label; None: it is not."""
        own = self._owner(serial, of_engine)
        if own is None:
            return None
        return self.rules[self.special.get(serial, own.rule)], self._label(serial, own)

    def _label(self, serial: int, own: Own) -> str | None:
        return self.labels.get(serial) if serial in self.special else self.rules[own.rule].label

    def _owner(self, serial: int, of_engine: int) -> Own | None:
        return self.own.get(of_engine) or self.singles.get(serial)

    def _said(self, what: Callable[[Rule], T]) -> Callable[[int, int], T] | None:
        """What rules say, by serial number and kind; None: none says anything."""
        if not any(what(rule) for rule in self.rules):
            return None
        rules, special, of_kind = self.rules, self.special, self._rule_of_kind
        return lambda serial, kind: what(rules[special.get(serial, of_kind[kind])])

    # ---- the history ----

    def instances(self) -> dict[int, Instance]:
        """By serial number: those that live, and those dead ones that are known."""
        lives = Lives(call(lambda c: c.lives()))
        _followed.poll()
        found: dict[int, Instance] = {}
        for at, serial in enumerate(lives.serials):
            own = self._owner(serial, lives.kinds[at])
            if own is not None:
                label = self._label(serial, own)
                found[serial] = self._instance(
                    serial, own, label, lives.addresses[at], lives.births[at], lives.stacks[at], serial in self.singles
                )
        found.update(self._dead)
        found.update(self._left)
        return dict(sorted(found.items()))

    def _instance(
        self, serial: int, own: Own, label: str | None, address: int, birth: int, stack: int, found: bool
    ) -> Instance:
        return Instance(
            serial=serial,
            kind=own.kind,
            label=label,
            birth_ns=birth,
            found=found,
            address=address,
            morphed_to=self.morphed.get(serial),
            preview=self.previews.get(serial) or None,
            stack=self._made_at(stack) if stack else self.stacks.get(serial),
        )

    def _made_at(self, stack: int) -> list[Frame]:
        found = self._frames.get(stack)
        if found is None:
            found = self._frames[stack] = _frames(stack) or []
        return found

    def history(self) -> History:
        """All of it, as it is now."""
        instances = self.instances()
        return History(
            rules=list(self.rules),
            kinds=self._kinds_now(),
            instances=instances,
            moments=list(self.moments),
            started_wall_ns=self.started_wall,
            started_ns=self.started,
            now_ns=time.monotonic_ns(),
        )

    def _kinds_now(self) -> list[Kind]:
        with _followed.lock:  # another thread may have found new kinds, or some that have ended
            return self._told_of(_followed.poll())

    def _told_of(self, rows: dict[int, tuple[Any, ...]]) -> list[Kind]:
        places: dict[str, list[int]] = {}
        for at, names in enumerate(self._kinds):
            places.setdefault(names[0], []).append(at)
        kinds = [
            Kind(index=at, name=names[0], bases=self._bases(names, places), rule=self._rule_of_kind[at])
            for at, names in enumerate(self._kinds)
        ]
        for of_engine, own in self.own.items():
            _add_row(kinds[own.kind], rows[of_engine])
        for at, sums in self._sums.items():
            _add(kinds[at], sums.born, sums.died, sums.morphed, sums.lifetime_ns, sums.ages)
            kinds[at].found += sums.found
        return kinds

    def _bases(self, names: tuple[str, ...], places: dict[str, list[int]]) -> tuple[int, ...]:
        """Kinds along an MRO. A class may have its base's name, as class Point(namedtuple("Point", "x y")) has."""
        found = (at for name in dict.fromkeys(names[1:]) for at in places.get(name, ()))
        return tuple(at for at in found if len(self._kinds[at]) < len(names) and set(self._kinds[at]) <= set(names))


def _add(kind: Kind, born: int, died: int, morphed: int, lifetime_ns: int, ages: Iterable[int]) -> None:
    kind.born += born
    kind.died += died
    kind.morphed += morphed
    kind.lifetime_ns += lifetime_ns
    kind.ages = [one + other for one, other in zip(kind.ages, ages, strict=True)]


def _add_row(kind: Kind, row: tuple[Any, ...]) -> None:
    _add(kind, row[_BORN], row[_DIED], row[_MORPHED], row[_LIFETIME], row[_AGES])


def _frames(stack: int) -> list[Frame] | None:
    if not stack:
        return None
    rows = _without_runner(call(lambda c: c.trace_frames(stack)))
    return [(file, line, qualname or name) for file, line, name, qualname in rows]
