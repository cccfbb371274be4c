"""Names of fields and relations, followed from model to model."""

from __future__ import annotations

from typing import Any, NamedTuple, Protocol

from openviper.db.fields.base import Field
from openviper.db.fields.columns import ColumnName
from openviper.db.fields.many_to_many import ManyToManyRelation
from openviper.db.fields.model_options import ModelOptions
from openviper.db.fields.relations import ForeignKey
from openviper.exceptions import FieldError

MAX_HOPS = 5
"""Most foreign keys in one path."""


class Columns(Protocol):
    """Gives columns of the queried table and of those joined to it their SQL names."""

    def column(self, hops: tuple[ForeignKey[Any], ...], field: Field[Any]) -> str:
        """Return the quoted, qualified name, joining tables as needed."""
        ...


class Path(NamedTuple):
    """A field, and the foreign keys that lead to it."""

    hops: tuple[ForeignKey[Any], ...]
    field: Any


def resolve_path(meta: ModelOptions, name: str) -> Path:
    """Return the field that a path such as ``author__name`` leads to.

    Raises:
        FieldError: If a part is no field, or the path has more than `MAX_HOPS` foreign keys.
    """
    path, rest = walk(meta, name)
    if rest:
        raise no_field(path, meta, name, rest[0])
    return path


def walk(meta: ModelOptions, name: str) -> tuple[Path, list[str]]:
    """Follow a name as far as it consists of fields; return what is left of it."""
    if not isinstance(name, str):
        raise FieldError(f"{name!r} is not a field name")
    if isinstance(name, ColumnName):
        name.check(meta)
    parts = name.split("__")
    hops: list[ForeignKey[Any]] = []
    field = meta.field(parts[0])
    rest = parts[1:]
    while rest and isinstance(field, ForeignKey):
        remote: ModelOptions = field.remote_model._meta
        following = remote.names.get(rest[0])
        if following is None:
            break
        rest = rest[1:]
        hops.append(field)
        field = following
    if hops and field.primary_key:
        field = hops.pop()  # The target's key is in the referring row already.
    if len(hops) > MAX_HOPS:
        raise FieldError(f"{name!r} follows {len(hops)} foreign keys, more than {MAX_HOPS}")
    return Path(tuple(hops), field), rest


def no_field(path: Path, meta: ModelOptions, name: str, part: str) -> FieldError:
    if isinstance(path.field, ForeignKey):
        remote: ModelOptions = path.field.remote_model._meta
        return FieldError(f"{name!r}: {remote.unknown(part).detail}")
    return FieldError(
        f"{name!r}: {meta.model_name} knows no field or lookup {part!r} after {path.field.name!r}"
    )


class Step(NamedTuple):
    """One step from a model to several rows of another, or, behind such a step, to one.

    Attributes:
        field: The field that makes the relation, on whichever side.
        reverse: Whether the step goes to the side that holds the field.
    """

    field: Any
    reverse: bool

    @property
    def meta(self) -> ModelOptions:
        """The options of the model it leads to."""
        model = self.field.model if self.reverse else self.field.remote_model
        meta: ModelOptions = model._meta
        return meta


class ManyPath(NamedTuple):
    """A path for an aggregate: foreign keys, then steps to many rows, then perhaps a field of them."""

    hops: tuple[ForeignKey[Any], ...]
    steps: tuple[Step, ...]
    field: Any

    @property
    def models(self) -> list[ModelOptions]:
        """The options of the models it leads through."""
        return [*(hop.remote_model._meta for hop in self.hops), *(step.meta for step in self.steps)]


def resolve_many(meta: ModelOptions, name: str) -> ManyPath:
    """Return what an aggregate's name leads to: a field, a path over foreign keys, or one over many rows.

    Raises:
        FieldError: If a part is neither a field nor a relation, or the path has more than `MAX_HOPS` steps.
    """
    if not isinstance(name, str):
        raise FieldError(f"{name!r} is not a field name")
    hops: list[ForeignKey[Any]] = []
    steps: list[Step] = []
    field: Field[Any] | None = None
    for part in name.split("__"):
        if field is not None:
            if not isinstance(field, ForeignKey):
                raise FieldError(
                    f"{name!r}: {field.name!r} is no relation, so nothing can follow it"
                )
            if steps:
                steps.append(Step(field, reverse=False))
            else:
                hops.append(field)
            meta = field.remote_model._meta
        field = meta.names.get(part)
        if field is None:
            steps.append(_step(meta, name, part))
            meta = steps[-1].meta
    if len(hops) + len(steps) > MAX_HOPS:
        raise FieldError(
            f"{name!r} follows {len(hops) + len(steps)} relations, more than {MAX_HOPS}"
        )
    return ManyPath(tuple(hops), tuple(steps), field)


def _step(meta: ModelOptions, name: str, part: str) -> Step:
    if part in meta.reverse:
        return Step(meta.reverse[part], reverse=True)
    if part in meta.many_to_many:
        return Step(meta.many_to_many[part], reverse=False)
    if part in meta.reverse_many_to_many:
        return Step(meta.reverse_many_to_many[part], reverse=True)
    raise FieldError(f"{name!r}: {meta.unknown(part).detail}")


def is_many_to_many(step: Step) -> bool:
    """Tell whether a step goes through a join table."""
    return isinstance(step.field, ManyToManyRelation)
