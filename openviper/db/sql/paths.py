"""Names of fields and relations, followed from model to model, to one row or to many."""

from __future__ import annotations

from typing import Any, NamedTuple

from openviper.db.fields.base import Field
from openviper.db.fields.many_to_many import ManyToManyRelation
from openviper.db.fields.model_options import ModelOptions
from openviper.db.fields.relations import ForeignKey, OneToOneField
from openviper.exceptions import FieldError
from openviper.utils.records import record

MAX_HOPS = 5
"""Most relations in one path."""


@record(frozen=True, slots=True, eq=False)
class Step:
    """One step from the rows of a model to those of a related one.

    Attributes:
        field: The field that makes the relation, on whichever side.
        reverse: Whether the step goes to the side that holds the field.
        name: What the path calls it.
    """

    field: ForeignKey[Any] | ManyToManyRelation[Any]
    reverse: bool
    name: str

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Step) and self._key() == other._key()

    def __hash__(self) -> int:
        return hash((self.field, self.reverse, self.name))

    def _key(self) -> tuple[object, ...]:
        return (self.field, self.reverse, self.name)

    @property
    def meta(self) -> ModelOptions:
        """The options of the model it leads to."""
        model = self.field.model if self.reverse else self.field.remote_model
        meta: ModelOptions = model._meta
        return meta

    @property
    def owner(self) -> ModelOptions:
        """The options of the model it starts from."""
        model = self.field.remote_model if self.reverse else self.field.model
        meta: ModelOptions = model._meta
        return meta

    @property
    def is_linked(self) -> bool:
        """Whether it goes through a join table."""
        return isinstance(self.field, ManyToManyRelation)

    @property
    def is_many(self) -> bool:
        """Whether it leads to any number of rows."""
        return self.is_linked or (self.reverse and not isinstance(self.field, OneToOneField))

    def link_keys(self) -> tuple[ForeignKey[Any], ForeignKey[Any]]:
        """Return the keys of the join table to the near and to the far side."""
        assert isinstance(self.field, ManyToManyRelation)
        source, target = self.field.keys()
        return (target, source) if self.reverse else (source, target)


Steps = tuple[Step, ...]


class Path(NamedTuple):
    """Where a name leads.

    Attributes:
        steps: The relations on the way.
        field: The field at its end; `None` if the name ends at a relation without a column of its own here.
        rest: The parts behind it, which are for lookups.
    """

    steps: Steps
    field: Field[Any] | None
    rest: tuple[str, ...]

    @property
    def meta_of(self) -> ModelOptions:
        """The options of the last model on the way, if there is any way."""
        return self.steps[-1].meta


def walk(meta: ModelOptions, name: str) -> Path:
    """Follow a name as far as it consists of fields and relations.

    Raises:
        FieldError: If it begins with neither, or follows more than `MAX_HOPS` relations.
    """
    if not isinstance(name, str):
        raise FieldError(f"{name!r} is not a field name")
    parts = name.split("__")
    steps: list[Step] = []
    field: Field[Any] | None = None
    for place, part in enumerate(parts):
        behind = _model_behind(meta, steps, field)
        following = None if behind is None else _named(behind, part)
        if following is None:
            return _ended(meta, name, _checked(name, steps, field, tuple(parts[place:])))
        steps += _steps_to(field, following)
        field = following if isinstance(following, Field) else None
    return _checked(name, steps, field, ())


def _named(meta: ModelOptions, part: str) -> Field[Any] | Step | None:
    return meta.names.get(part) or find_step(meta, part)


def _steps_to(field: Field[Any] | None, following: Field[Any] | Step) -> list[Step]:
    """Return the steps that lead on: over the foreign key before, over the relation itself."""
    steps = [Step(field, False, field.name)] if isinstance(field, ForeignKey) else []
    return [*steps, following] if isinstance(following, Step) else steps


def _ended(meta: ModelOptions, name: str, path: Path) -> Path:
    """Return a path of which something is left over; a whole name that is left over means nothing."""
    if len(path.rest) == name.count("__") + 1:
        raise meta.unknown(path.rest[0])
    return path


def _model_behind(
    meta: ModelOptions, steps: list[Step], field: Field[Any] | None
) -> ModelOptions | None:
    """Return the model whose names may follow; `None` behind a field that is not a relation."""
    if isinstance(field, ForeignKey):
        remote: ModelOptions = field.remote_model._meta
        return remote
    if field is not None:
        return None
    return steps[-1].meta if steps else meta


def find_step(meta: ModelOptions, name: str) -> Step | None:
    """Return the relation without a column here that a name means, or `None`."""
    if name in meta.many_to_many:
        return Step(meta.many_to_many[name], False, name)
    if name in meta.reverse:
        return Step(meta.reverse[name], True, name)
    if name in meta.reverse_many_to_many:
        return Step(meta.reverse_many_to_many[name], True, name)
    return None


def _checked(name: str, steps: list[Step], field: Field[Any] | None, rest: tuple[str, ...]) -> Path:
    if steps and field is not None and field.primary_key and _is_forward(steps[-1]):
        last = steps.pop().field  # The target's key is in the referring row already.
        assert isinstance(last, ForeignKey)
        field = last
    if len(steps) > MAX_HOPS:
        raise FieldError(f"{name!r} follows {len(steps)} relations, more than {MAX_HOPS}")
    return Path(tuple(steps), field, rest)


def _is_forward(step: Step) -> bool:
    return not step.reverse and not step.is_linked


def no_lookup(meta: ModelOptions, name: str, path: Path) -> FieldError:
    """Return the error for a name that goes on behind a field or relation with something unknown."""
    part = path.rest[0]
    if isinstance(path.field, ForeignKey):
        return FieldError(f"{name!r}: {path.field.remote_model._meta.unknown(part).detail}")
    if path.field is None:
        return FieldError(f"{name!r}: {path.meta_of.unknown(part).detail}")
    return FieldError(
        f"{name!r}: {meta.model_name} knows no field or lookup {part!r} after {path.field.name!r}"
    )


def first_many(steps: Steps) -> int | None:
    """Return the number of steps up to the first that leads to many rows, itself included; `None` if none does."""
    for place, step in enumerate(steps, 1):
        if step.is_many:
            return place
    return None
