"""What a model looks like before it is written."""

from __future__ import annotations

from dataclasses import dataclass, field

from openviper.db.dialects.definitions import LiveIndex


@dataclass
class FieldSketch:
    """A field.

    Attributes:
        name: In the model.
        column: In the database.
        cls: The class of the field, with the element of an array.
        arguments: What the call is given, as Python source, in order.
        key_type: For a foreign key, the Python type of the attribute with the key.
        states: The index that it states by itself.
    """

    name: str
    column: str
    cls: str
    arguments: list[str] = field(default_factory=list)
    key_type: str = ""
    states: LiveIndex | None = None


@dataclass
class ModelSketch:
    """A model.

    Attributes:
        name: Its class.
        table: Its table.
        fields: Its fields.
        options: What stands in its ``Meta`` besides the table, as Python source by name.
        remarks: What is said above it.
        is_exact: Whether `migrate` finds no difference, so that the table may be its own.
        is_writable: Whether rows can be told apart and inserted.
    """

    name: str
    table: str
    fields: list[FieldSketch] = field(default_factory=list)
    options: dict[str, list[str]] = field(default_factory=dict)
    remarks: list[str] = field(default_factory=list)
    is_exact: bool = True
    is_writable: bool = True

    def differs(self, remark: str) -> None:
        """Take note of what makes the table another one than the model would have."""
        self.remarks.append(remark)
        self.is_exact = False


@dataclass
class Inspection:
    """What was found.

    Attributes:
        models: The models, those that others refer to first.
        remarks: What became no model.
    """

    models: list[ModelSketch]
    remarks: list[str]
