"""What sure ways go over: what needs surely hold whatever the facts are, who can act, what an act or a move does."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import product

from school_protocol.definitions.proof.folding import Image, identity, is_free, through
from school_protocol.definitions.proof.world import Step, World
from school_protocol.domain.protocol import Act, ActKind, Fact, Fold, FollowUp, Move, Need, Protocol
from school_protocol.domain.weighing import acts_as, settles

LONG_WAIT_DAYS = 120
"""Days after which whatever was waited for has fallen due."""
Masks = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Wait:
    """The clock turned on."""

    days: int = LONG_WAIT_DAYS


@dataclass(frozen=True, slots=True)
class Without:
    """Who takes no part: a role and all who stand for it by holding it; or everybody outside the school's reach."""

    role: str = ""
    outsiders: bool = False


def bits_of(mask: int) -> list[int]:
    """The places of the values in a mask."""
    return [bit for bit in range(mask.bit_length()) if mask >> bit & 1]


class Ground:
    """What surely holds in one protocol, who can act there, and what acts and moves make of the facts."""

    def __init__(self, protocol: Protocol, tracked: Iterable[str], without: Without | None) -> None:
        self.protocol = protocol
        self.without = without or Without()
        self.world = World(protocol, tracked, thorough=True)
        self.names = self.world.names
        self._tables: dict[tuple[str, Masks], bool] = {}
        self._moved: dict[int, tuple[tuple[int, Image], ...]] = {}
        self._acting: dict[tuple[int, str], bool] = {}
        self._today: dict[int, bool] = {}
        self._reads = {key: self._places(need) for key, need in protocol.needs.items()}

    def _places(self, need: Need) -> tuple[int, ...]:
        return tuple(self.world.place[name] for name in self.names if name in need.when.names)

    @property
    def nothing_known(self) -> Masks:
        return (*self.world.whole, 0b01)

    # ---- who ---------------------------------------------------------------------------------------------------

    def somebody(self, roles: Iterable[str], state: str, persons: int = 1) -> bool:
        """Whether enough persons can act in one of these roles here, whoever takes no part."""
        return len(set(self.holders(roles, state))) >= persons

    def holders(self, roles: Iterable[str], state: str) -> Iterator[tuple[str, int]]:
        """(role or seat, person) who can act in one of `roles`: two for each role, one by each seat."""
        for wanted in self._named(roles):
            if wanted in self.protocol.roles:
                if wanted != self.without.role:
                    yield from ((wanted, 1), (wanted, 2))
                elif any(other != self.without.role for other in self.protocol.roles[wanted].stand_in_by):
                    yield wanted, 3
            for seat in self.protocol.seats:
                if acts_as(self.protocol, seat, wanted) and self._can_be_given(seat, state):
                    yield seat, 1

    def _named(self, roles: Iterable[str]) -> tuple[str, ...]:
        return tuple(self.protocol.roles) if "everyone" in (named := tuple(roles)) else named

    def _can_be_given(self, seat: str, state: str) -> bool:
        giving = [act for act in self.protocol.acts_of(ActKind.seat) if self.world.is_open(act, state)]
        named_by = self.protocol.seats[seat].named_by
        return any(
            role in self.protocol.roles and role != self.without.role and (not named_by or role in named_by)
            for act in giving
            for role in act.by
        )

    # ---- whether something holds, surely -----------------------------------------------------------------------

    def holds(self, need: Need, masks: Masks) -> bool:
        """Whether a need holds whatever of this the facts are."""
        reads = self._reads[need.key]
        key = (need.key, tuple(masks[place] for place in reads))
        if key not in self._tables:
            names = [self.names[place] for place in reads]
            ranges = [self.world.domains[self.names[place]].members(masks[place]) for place in reads]
            self._tables[key] = len(names) == len(need.when.names) and all(
                need.when.holds(dict(zip(names, values, strict=True))) for values in product(*ranges)
            )
        return self._tables[key]

    def unmet(self, needs: Iterable[Need], masks: Masks) -> list[Need]:
        return [need for need in needs if not self.holds(need, masks)]

    def refined(self, needs: Iterable[Need], masks: Masks) -> Masks:
        """What the facts may be, since these needs hold."""
        found = list(masks)
        for need in needs:
            if len(self._reads[need.key]) == len(need.when.names):
                for place, mask in self._fulfilling(need, found).items():
                    found[place] = mask
        return tuple(found)

    def _fulfilling(self, need: Need, masks: Sequence[int]) -> dict[int, int]:
        """Of each fact that a need reads, the values with which it can hold."""
        reads = self._reads[need.key]
        names = [self.names[place] for place in reads]
        kept = dict.fromkeys(reads, 0)
        for bits in product(*(bits_of(masks[place]) for place in reads)):
            values = {name: self.world.domains[name].values[bit] for name, bit in zip(names, bits, strict=True)}
            if need.when.holds(values):
                for place, bit in zip(reads, bits, strict=True):
                    kept[place] |= 1 << bit
        return kept

    # ---- acts --------------------------------------------------------------------------------------------------

    def may_act(self, step: Step, state: str, masks: Masks) -> bool:
        """Whether somebody can surely make this act here."""
        act = self.protocol.acts[step.act]
        assert step.deed is not None
        values = step.deed.given.values
        asked = [
            *act.needs,
            *(need for rule in act.needs_when if rule.when.truth(values) is not False for need in rule.needs),
        ]
        return all(self.holds(self.protocol.needs[need], masks) for need in asked) and self._can_act(step, state)

    def _can_act(self, step: Step, state: str) -> bool:
        key = (id(step), state)
        if key not in self._acting:
            self._acting[key] = self._is_somebodys(step, state)
        return self._acting[key]

    def _is_somebodys(self, step: Step, state: str) -> bool:
        act = self.protocol.acts[step.act]
        assert step.deed is not None
        if not self.world.is_open(act, state):
            return False
        if self.without.outsiders and self._is_outsiders(act, step):
            return False
        role = step.deed.given.role
        if not self.somebody([role] if role else act.by, state):
            return False
        if act.signatures and not self._can_be_signed(act, state):
            return False
        return not self._settles_dangers(act) or self.can_settle(act, state)

    def _can_be_signed(self, act: Act, state: str) -> bool:
        if not self.somebody(act.signed_by or act.by, state, self._signatories(act)):
            return False
        signing = self.protocol.acts_of(ActKind.sign)
        return act.signatures == 1 or any(self.world.is_open(one, state) for one in signing)

    def _signatories(self, act: Act) -> int:
        """How many sign it at most that some fact tells apart."""
        facts = [self.protocol.facts[name] for name in self.names if self.protocol.facts[name].fold is Fold.signatures]
        counted = [fact.key for fact in facts if any(source.act == act.key for source in fact.from_)]
        return max(act.signatures, *(len(self.world.domains[key].values) - 1 for key in counted), 0)

    def _is_outsiders(self, act: Act, step: Step) -> bool:
        """Whether it records what somebody outside has answered; that it is no longer awaited is the school's word."""
        if act.kind is ActKind.accept_transfer:
            return True
        return act.kind is ActKind.answer_referral and not act.needs_of(step.deed.given.values if step.deed else {})

    @staticmethod
    def _settles_dangers(act: Act) -> bool:
        return act.kind in (ActKind.refer, ActKind.take_over, ActKind.lift_danger)

    def can_settle(self, act: Act, state: str) -> bool:
        """Whether every danger can be settled by this act here."""
        dangers = self.protocol.dangers
        match act.kind:
            case ActKind.refer:
                return all(
                    any(settles(self.protocol, danger, target) for target in self.protocol.targets)
                    for danger in dangers
                )
            case ActKind.take_over:
                return all(danger.taken_over_settles for danger in dangers.values())
        special = {danger.lifted_with for danger in dangers.values() if danger.lifted_with}
        return all(self.somebody([role], state) for role in special)

    def after(self, step: Step | Wait, masks: Masks) -> Masks:
        """What the facts may be after an act, or a long wait."""
        if isinstance(step, Wait):
            return (*(self._after_wait(place, mask) for place, mask in enumerate(masks[:-1])), 0b10)
        found = list(masks)
        for place, image in self._moving(step):
            found[place] = through(image, found[place])
        for place in self._own:
            found[place] = self._of_its_own(self.protocol.facts[self.names[place]], step, masks, found[place])
        found[-1] = masks[-1] if not self._is_fact_of_today(step) else 0b01
        return tuple(found)

    def _moving(self, step: Step) -> tuple[tuple[int, Image], ...]:
        """The facts that a step moves, each with its image."""
        if id(step) not in self._moved:
            own = [identity(self.world.domains[name]) for name in self.names]
            pairs = enumerate(zip(step.images, own, strict=True))
            self._moved[id(step)] = tuple((place, image) for place, (image, same) in pairs if image != same)
        return self._moved[id(step)]

    @cached_property
    def _own(self) -> tuple[int, ...]:
        """The places of facts that time and people move."""
        return tuple(self.world.place[name] for name in self.names if is_free(self.protocol.facts[name]))

    def _after_wait(self, place: int, mask: int) -> int:
        name = self.names[place]
        fact, domain = self.protocol.facts[name], self.world.domains[name]
        if fact.fallen_due:
            return domain.mask([True]) | self.world.effects[name].start
        if fact.deadline or fact.follow_up or fact.months_since or fact.people:
            return domain.whole
        return mask

    def _of_its_own(self, fact: Fact, step: Step, masks: Masks, mask: int) -> int:
        """Facts that time and people move: what an act makes sure of."""
        act = step.deed.given.act if step.deed else None
        if act is None:
            return mask
        domain, follow = self.world.domains[fact.key], self.protocol.follow_up
        if fact.days is not None:
            if all(source.act != act for source in fact.days.until):
                return mask
            return 1 << (len(domain.values) - 1) if masks[-1] == 0b10 else domain.whole
        if fact.people is not None and self.protocol.acts[act].kind is ActKind.seat:
            return domain.mask([True])
        if fact.school_known == act:
            return domain.whole
        if follow is not None and fact.follow_up == "next" and self._says_next(follow, act):
            return domain.mask([True])
        if follow is not None and fact.follow_up == "held" and follow.act == act:
            return domain.whole
        return mask

    def _says_next(self, follow: FollowUp, act: str) -> bool:
        """Whether an act says when the next follow-up is."""
        fields = self.protocol.form_of(act).by_key
        naming = [(follow.act, follow.next_on), *((one.act, one.field) for one in follow.also_next)]
        return any(naming_act == act and field in fields for naming_act, field in naming)

    def _is_fact_of_today(self, step: Step) -> bool:
        if id(step) not in self._today:
            self._today[id(step)] = self._dates_a_fact(step)
        return self._today[id(step)]

    def _dates_a_fact(self, step: Step) -> bool:
        """Whether it may record a fact from which days are counted anew."""
        given = step.deed.given if step.deed else None
        if given is None or step.raises:
            return True
        days = [days for name in self.names if (days := self.protocol.facts[name].days)]
        keys = {source.field or "" for one in days for source in one.since if source.act == given.act}
        fields = self.protocol.form_of(given.act).by_key
        return any(key not in fields or fields[key].required or given.has(key) for key in keys)

    # ---- moves -------------------------------------------------------------------------------------------------

    def may_move(self, move: Move, state: str) -> bool:
        """Whether somebody is there to make the move."""
        if move.automatic or not self.somebody(move.by, state):
            return False
        return all(self._are_others(group, move, state) for group in move.distinct)

    def _are_others(self, group: Iterable[str], move: Move, state: str) -> bool:
        """Whether those who must differ can: there are as many persons in their roles."""
        roles: list[str] = []
        for name in group:
            by = self.protocol.acts[name].by if name in self.protocol.acts else move.by
            roles += by
        return self.somebody(roles, state, len(tuple(group)))

    def move_on(self, move: Move, state: str, target: str, masks: Masks) -> Masks:
        """What the facts may be once the move is made."""
        known = self.refined(self.world.locked[move.key], masks)
        effects = self.world.effects
        images = (effects[name].entering(move, state, target, None) for name in self.names)
        found = [through(image, mask) for image, mask in zip(images, known[:-1], strict=True)]
        return (*found, masks[-1])
