"""Validation: `parse` data into values of a type, and `dump` them again; `describe` for who shows a type to others.

Constraints and marks stand in `Annotated`::

    @dataclass
    class Line:
        book: int
        count: Annotated[int, Between(1, 100)] = 1
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from openviper.utils.exports import lazy_exports

if TYPE_CHECKING:
    from openviper.exceptions import ValidationError as ValidationError
    from openviper.validation.arguments import argument as argument
    from openviper.validation.constraints import Between as Between
    from openviper.validation.constraints import Check as Check
    from openviper.validation.constraints import Constraint as Constraint
    from openviper.validation.constraints import Email as Email
    from openviper.validation.constraints import Max as Max
    from openviper.validation.constraints import MaxLength as MaxLength
    from openviper.validation.constraints import Min as Min
    from openviper.validation.constraints import MinLength as MinLength
    from openviper.validation.constraints import MultipleOf as MultipleOf
    from openviper.validation.constraints import OneOf as OneOf
    from openviper.validation.constraints import Pattern as Pattern
    from openviper.validation.constraints import Url as Url
    from openviper.validation.describing import describe as describe
    from openviper.validation.describing import register_type as register_type
    from openviper.validation.dumping import DumpError as DumpError
    from openviper.validation.dumping import dump as dump
    from openviper.validation.faults import Fault as Fault
    from openviper.validation.faults import ParseError as ParseError
    from openviper.validation.faults import UnsupportedTypeError as UnsupportedTypeError
    from openviper.validation.forms.form import Form as Form
    from openviper.validation.forms.model_form import ModelForm as ModelForm
    from openviper.validation.forms.widgets import Choices as Choices
    from openviper.validation.forms.widgets import Widget as Widget
    from openviper.validation.markers import Alias as Alias
    from openviper.validation.markers import AllowNaN as AllowNaN
    from openviper.validation.markers import Description as Description
    from openviper.validation.markers import Example as Example
    from openviper.validation.markers import ReadOnly as ReadOnly
    from openviper.validation.markers import Secret as Secret
    from openviper.validation.markers import Title as Title
    from openviper.validation.markers import WriteOnly as WriteOnly
    from openviper.validation.parsers import Parser as Parser
    from openviper.validation.parsers import parse as parse

__all__, __getattr__, __dir__ = lazy_exports(
    __name__,
    {
        "openviper.exceptions": ("ValidationError",),
        "openviper.validation.arguments": ("argument",),
        "openviper.validation.constraints": (
            "Between",
            "Check",
            "Constraint",
            "Email",
            "Max",
            "MaxLength",
            "Min",
            "MinLength",
            "MultipleOf",
            "OneOf",
            "Pattern",
            "Url",
        ),
        "openviper.validation.describing": ("describe", "register_type"),
        "openviper.validation.dumping": ("DumpError", "dump"),
        "openviper.validation.faults": ("Fault", "ParseError", "UnsupportedTypeError"),
        "openviper.validation.forms.form": ("Form",),
        "openviper.validation.forms.model_form": ("ModelForm",),
        "openviper.validation.forms.widgets": ("Choices", "Widget"),
        "openviper.validation.markers": (
            "Alias",
            "AllowNaN",
            "Description",
            "Example",
            "ReadOnly",
            "Secret",
            "Title",
            "WriteOnly",
        ),
        "openviper.validation.parsers": ("Parser", "parse"),
    },
)
