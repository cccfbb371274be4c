"""The options of a model class: what stands in its ``Meta``, and what it inherits of that."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from openviper.db.fields.constraints import Constraint, Index, UniqueConstraint
from openviper.db.fields.model_options import ModelOptions
from openviper.db.sql.result_cache import query_cache
from openviper.exceptions import FieldError

OWN = {
    "abstract",
    "cache_ttl",
    "managed",
    "proxy",
    "read_only",
    "single",
    "table_name",
    "verbose_name",
    "verbose_name_plural",
    "virtual",
}
"""Options that count for the class alone which states them."""
INHERITED = {"ordering", "unique_together", "index_together", "indexes", "constraints", "backend"}
"""Options that a class takes from its abstract parents when it states none of its own."""

Options = dict[str, Any]


def given_options(
    cls: Any, own: type[Any] | None, parents: list[Any], bases: tuple[type, ...]
) -> Options:
    """Return the options of a class by name, inherited ones included.

    Args:
        cls: The class.
        own: Its ``Meta``, if it has one.
        parents: The models it is made from, nearest first.
        bases: The bases it names.

    Raises:
        FieldError: If ``Meta`` has an unknown option.
    """
    stated = {} if own is None else _stated_options(cls, own)
    given = {**_inherited_options(parents), **stated}
    if "abstract" not in stated:
        given["abstract"] = any(vars(base).get("_abstract_for_children", False) for base in bases)
    cls._inheritable = {name: value for name, value in given.items() if name in INHERITED}
    if own is not None:
        cls.Meta = own
    return given


def _inherited_options(parents: list[Any]) -> Options:
    inherited: Options = {}
    for parent in reversed(parents):
        if "_meta" in vars(parent) and parent._meta.abstract:
            inherited.update(parent._inheritable)
    return inherited


def _stated_options(cls: Any, own: type[Any]) -> Options:
    stated: Options = {}
    for klass in reversed(own.__mro__):
        stated.update({name: value for name, value in vars(klass).items() if name[:2] != "__"})
    # `class Meta(Parent.Meta)` brings what only its own class means.
    if "abstract" not in vars(own):
        stated.pop("abstract", None)
    _check_known(cls, stated)
    return stated


def _check_known(cls: Any, stated: Options) -> None:
    unknown = sorted(set(stated) - OWN - INHERITED)
    if unknown:
        names = ", ".join(map(repr, unknown))
        raise FieldError(f"{cls.__name__}.Meta has unknown options: {names}")


def read_options(meta: ModelOptions, given: Options) -> None:
    """Take over the options of a class.

    Raises:
        FieldError: If one has a value that it cannot have.
    """
    meta.proxy = bool(given.get("proxy", False))
    meta.managed = bool(given.get("managed", True))
    meta.read_only = bool(given.get("read_only", False))
    meta.single = _flag(meta, given, "single")
    meta.virtual = _flag(meta, given, "virtual")
    meta.cache_ttl = float(given.get("cache_ttl", 0))
    if meta.cache_ttl:
        query_cache.in_use = True
    meta.backend = str(given.get("backend", "default"))
    meta.verbose_name = str(given.get("verbose_name", meta.model_name))
    meta.verbose_name_plural = str(given.get("verbose_name_plural", f"{meta.verbose_name}s"))
    ordering = given.get("ordering", ())
    meta.ordering = (ordering,) if isinstance(ordering, str) else tuple(ordering)
    meta.unique_together = _groups(given.get("unique_together", ()))
    meta.index_together = _groups(given.get("index_together", ()))
    meta.indexes = list(given.get("indexes", ()))
    meta.constraints = list(given.get("constraints", ()))


def _flag(meta: ModelOptions, given: Options, name: str) -> bool:
    value = given.get(name, False)
    if not isinstance(value, bool):
        raise FieldError(f"{meta.model_name}.Meta.{name} must be True or False, not {value!r}")
    return value


def _groups(value: Any) -> list[tuple[str, ...]]:
    groups = list(value)
    is_one_group = bool(groups) and all(isinstance(item, str) for item in groups)
    return [tuple(group) for group in ([groups] if is_one_group else groups)]


def check_names(meta: ModelOptions) -> None:
    """Check every field name in ``Meta``; of a path only its first part, as other models may not exist yet.

    Raises:
        FieldError: If there is no such field, or an index or constraint is something else.
    """
    first_parts = [str(term).removeprefix("-").partition("__")[0] for term in meta.ordering]
    _check_fields(meta, "ordering", first_parts)
    for group in meta.unique_together:
        _check_fields(meta, "unique_together", group)
    for group in meta.index_together:
        _check_fields(meta, "index_together", group)
    _check_indexes(meta)
    _check_constraints(meta)


def _check_indexes(meta: ModelOptions) -> None:
    for index in meta.indexes:
        _check_type(meta, "indexes", index, Index)
        fields = [name.removeprefix("-") for name in index.fields]
        _check_fields(meta, "indexes", [*fields, *index.include])


def _check_constraints(meta: ModelOptions) -> None:
    for constraint in meta.constraints:
        _check_type(meta, "constraints", constraint, Constraint)
        if isinstance(constraint, UniqueConstraint):
            _check_fields(meta, "constraints", [*constraint.fields, *constraint.include])


def _check_type(meta: ModelOptions, option: str, value: object, wanted: type) -> None:
    if not isinstance(value, wanted):
        article = "an" if wanted.__name__[0] in "AEIOU" else "a"
        raise FieldError(
            f"{meta.model_name}.Meta.{option}: {value!r} is not {article} {wanted.__name__}"
        )


def _check_fields(meta: ModelOptions, option: str, names: Iterable[str]) -> None:
    for name in names:
        if name not in meta.names:
            raise FieldError(f"{meta.model_name}.Meta.{option}: {meta.unknown(name).detail}")
