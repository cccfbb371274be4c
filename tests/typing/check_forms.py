"""What the type checker knows of forms."""

from __future__ import annotations

from dataclasses import dataclass
from typing import assert_type

from openviper.http import Request
from openviper.validation import Form


@dataclass
class Order:
    name: str
    count: int = 1


class OrderForm(Form[Order]):
    async def check(self, value: Order) -> None:
        assert_type(value.count, int)


async def handler(request: Request) -> None:
    form = Form(Order)
    await form.read(request)
    assert_type(form.value, Order)
    assert_type(OrderForm().value, Order)
    Form(Order, initial=Order("a"))
