"""`ModelForm`: a form that makes or changes one row."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Generic, Self, TypeVar

from openviper.db.connection import atomic
from openviper.db.fields import FileField, ForeignKey
from openviper.db.fields.base import Field
from openviper.db.models.base import Model
from openviper.exceptions import IntegrityError
from openviper.i18n import gettext
from openviper.validation.forms.form import WHOLE, Form
from openviper.validation.forms.model_records import field_names, record_of

M = TypeVar("M", bound=Model)
MAX_CHOICES = 1000
"""Most rows that a foreign key shows to choose from; with more, its key is typed."""
TAKEN = "there is one with this value already"


class ModelForm(Form[Any], Generic[M]):
    """A form of some fields of a model; make one with `of`.

    Args:
        model: The model.
        fields: The names of the fields, in order.
        instance: The row to change; a new one is made when not given.
        choices: What can be chosen for a field, by its name.
        prefix: What stands before the names of the fields.

    Raises:
        FieldError: If the model has no such field, or one that nobody may change; if none is named.
        TypeError: If the model or the instance is none.
    """

    def __init__(
        self,
        model: type[M],
        fields: Iterable[str],
        *,
        instance: M | None = None,
        choices: Mapping[str, Iterable[tuple[Any, str]]] | None = None,
        prefix: str = "",
    ) -> None:
        if instance is not None and not isinstance(instance, model):
            raise TypeError(f"instance is {instance!r}, not a row of {model.__name__}")
        self.model = model
        self.instance = instance
        names = field_names(model, fields)
        self._columns: dict[str, Field[Any]] = {name: model._meta.fields[name] for name in names}
        # A file that is there stays when none is sent.
        files = {name for name in names if isinstance(self._columns[name], FileField)}
        optional = files if instance is not None else frozenset()
        super().__init__(
            record_of(model, names, optional=optional),
            initial=None if instance is None else self._values_of(instance),
            choices=choices,
            prefix=prefix,
        )
        self._kept = optional

    @classmethod
    async def of(
        cls,
        model: type[M],
        fields: Iterable[str],
        *,
        instance: M | None = None,
        choices: Mapping[str, Iterable[tuple[Any, str]]] | None = None,
        prefix: str = "",
    ) -> Self:
        """Return a form whose foreign keys are choices among their rows; see the class for the arguments.

        Raises:
            FieldError: If the model has no such field, or one that nobody may change.
            PermissionDenied: If the rows of a foreign key may not be read.
        """
        names = field_names(model, fields)
        found = dict(choices or {})
        for name in names:
            field = model._meta.fields[name]
            if isinstance(field, ForeignKey) and name not in found:
                rows = await _rows_of(field)
                if len(rows) <= MAX_CHOICES:
                    found[name] = rows
        return cls(model, names, instance=instance, choices=found, prefix=prefix)

    def _values_of(self, instance: M) -> dict[str, Any]:
        return {
            name: getattr(instance, field.attname)
            for name, field in self._columns.items()
            if not isinstance(field, FileField)
        }

    async def check(self, value: Any) -> None:
        """Tell what unique columns will refuse, beside the field."""
        for name, field in self._columns.items():
            if field.unique and await self._is_taken(name, getattr(value, name)):
                self.add_error(name, gettext(TAKEN))

    async def _is_taken(self, name: str, value: Any) -> bool:
        if value is None or not self._columns[name].searchable:
            return False
        lookup: dict[str, Any] = {name: value}
        others = self.model.objects.filter(**lookup)
        if self.instance is not None:
            others = others.exclude(pk=self.instance.pk)
        return await others.exists()

    async def save(self) -> M | None:
        """Store what was sent; return the row, or `None` if the database refuses it, which is then among the errors.

        Raises:
            ValueError: If nothing was sent, or something is wrong with it.
            PermissionDenied: If the user may not.
        """
        value = self.value
        row = self.model() if self.instance is None else self.instance
        for name, field in self._columns.items():
            given = getattr(value, name)
            if given is not None or name not in self._kept:
                setattr(row, field.attname, given)
        try:
            async with atomic():
                await row.save()
        except IntegrityError:
            await self._tell_refusal(value)
            return None
        return row

    async def _tell_refusal(self, value: Any) -> None:
        """Say which column refused it; somebody else was faster, or a rule of the table is broken."""
        await self.check(value)
        if not self.errors:
            self.add_error(WHOLE, gettext("the database does not take these values"))


async def _rows_of(field: ForeignKey[Any]) -> list[tuple[Any, str]]:
    rows = await field.remote_model.objects.all().limit(MAX_CHOICES + 1)
    return [(row.pk, str(row)) for row in rows]
