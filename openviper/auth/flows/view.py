"""What all account pages have in common: a page for people, JSON for programs, from one class each."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar
from urllib.parse import quote

from openviper.auth.decorators import RecentLoginRequired
from openviper.auth.flows.fields import FORM, Fields, FormRefused, clean, refused
from openviper.auth.flows.notes import GONE, sent_notes, shown_notes
from openviper.auth.session_login import has_logged_in_recently
from openviper.exceptions import HTTPException, TooManyRequests, Unauthorized
from openviper.http.accept import media_weight, parse_choices
from openviper.http.login_redirect import NEXT, is_own_page, next_address
from openviper.http.permissions import is_authenticated
from openviper.http.redirects import RedirectResponse
from openviper.http.request import Request
from openviper.http.responses import HTMLResponse, JSONResponse, Response
from openviper.http.views import View
from openviper.i18n import gettext
from openviper.i18n.lazy import LazyText, gettext_lazy
from openviper.routing.operations import OperationNotes

JSON = "application/json"
PROBLEM = "application/problem+json"
NAMESPACE = "accounts"
HEADERS = {
    "cache-control": "no-store",
    # Links in mails hold a token, which is nobody else's business.
    "referrer-policy": "same-origin",
    "x-frame-options": "DENY",
    "vary": "Accept",
}


class AccountView(View):
    """One account page; override what is to be different, and give the class to `account_routes`.

    Attributes:
        name: The name of the route behind ``accounts:``, and of the template ``accounts/<name>.html``.
        title: The heading.
        button: What the button of the form says.
        fields: What the form asks for.
        needs_login: Whether the page is for users only.
        needs_recent_login: Whether they have to have shown the password lately.
        refusals: When the page refuses what it is sent, by status, beside what all pages do; for the document of an API.
        params: The parameters of the path.
    """

    name: ClassVar[str]
    title: ClassVar[LazyText]
    button: ClassVar[LazyText] = gettext_lazy("Continue")
    fields: Fields = ()
    needs_login: ClassVar[bool] = False
    needs_recent_login: ClassVar[bool] = False
    refusals: ClassVar[Mapping[int, str]] = {}
    params: Mapping[str, Any]

    @classmethod
    def operation_notes(cls, method: str) -> OperationNotes:
        """Return what the document of an API says of the page.

        Args:
            method: The HTTP method.
        """
        return shown_notes(cls) if method == "GET" else sent_notes(cls)

    @property
    def template(self) -> str:
        """The template of the page."""
        return f"accounts/{self.name}.html"

    async def dispatch(
        self, request: Request, method_name: str | None = None, **params: Any
    ) -> Response:
        """Answer a request, if the user may see the page; see `View.dispatch`."""
        self.request, self.params = request, params
        way = self._way_to_confirm()
        if way is not None:
            return way
        return await super().dispatch(request, method_name, **params)

    def _way_to_confirm(self) -> Response | None:
        """Return the way to the page that asks for the password again, for who has to go there.

        Raises:
            Unauthorized: If nobody has logged in and somebody has to.
        """
        if not (self.needs_login or self.needs_recent_login):
            return None
        if not is_authenticated(self.request.user):
            raise Unauthorized
        if not self.needs_recent_login or has_logged_in_recently(self.request):
            return None
        if self.is_json:
            raise RecentLoginRequired
        # A form is not sent once more; whoever filled it in sees it again.
        return RedirectResponse(with_next(self.link("confirm"), self.request.path), 303)

    # Both directions

    @property
    def is_json(self) -> bool:
        """Whether a program asks: it sends JSON, or would rather have JSON than a page."""
        if self._brings_json:
            return True
        choices = parse_choices(",".join(self.request.headers.getlist("accept")))
        return media_weight(choices, JSON) > media_weight(choices, "text/html")

    @property
    def _brings_json(self) -> bool:
        content_type: str = self.request.headers.get("content-type", "")
        return content_type.partition(";")[0].strip().lower() == JSON

    def link(self, name: str, **params: Any) -> str:
        """Return the path of another account page."""
        return self.request.url_for(f"{NAMESPACE}:{name}", **params)

    async def get(self, request: Request, **params: Any) -> Response:
        """Show the page."""
        return await self.show()

    async def post(self, request: Request, **params: Any) -> Response:
        """Do what the form asks for, or show the page again with what is wrong."""
        given = await self.given()
        try:
            return await self.submit(clean(self.asked_fields(), given))
        except FormRefused as refusal:
            return await self.show(refusal.status, errors=refusal.errors, given=given)
        except TooManyRequests as refusal:
            sentence = gettext("Too many attempts. Try again later.")
            return await self.show(429, {FORM: sentence}, given, headers=refusal.headers or {})

    def asked_fields(self) -> Fields:
        """Return the fields that this very request is asked for: `fields`, where settings do not add to them."""
        return self.fields

    async def submit(self, values: dict[str, str]) -> Response:
        """Do what the page is for.

        Args:
            values: What was sent, by the names of `fields`.

        Raises:
            FormRefused: If it cannot be done; the page is shown again.
        """
        raise NotImplementedError

    async def given(self) -> Mapping[str, Any]:
        """Return what was sent.

        Raises:
            HTTPException: If it is neither a form nor a JSON object.
        """
        if not self._brings_json:
            return await self.request.form()
        body = await self.request.json() if await self.request.body() else {}
        if not isinstance(body, dict):
            raise HTTPException(400, "The JSON has to be an object.")
        return body

    # Answers

    async def data(self) -> dict[str, Any]:
        """Return what the page shows beside its form; JSON has it too."""
        return {}

    async def show(
        self,
        status: int = 200,
        errors: Mapping[str, str] | None = None,
        given: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Response:
        """Return the page.

        Args:
            status: The HTTP status.
            errors: What was wrong, by the names of fields.
            given: What was sent; shown again but for secrets.
            headers: Further headers.
        """
        all_headers = {**HEADERS, **(headers or {})}
        if self.is_json and errors:
            return problem(status, errors, all_headers)
        data = await self.data()
        if self.is_json:
            return JSONResponse({**self._described(), **data}, status, all_headers)
        return self.render(self.template, status, all_headers, errors=errors, given=given, **data)

    def _described(self) -> dict[str, Any]:
        """Return what JSON tells of every page."""
        return {
            "title": str(self.title),
            "fields": [field.described() for field in self.asked_fields()],
            "csrf_token": self.request.csrf_token,
        }

    def render(
        self,
        template: str,
        status: int = 200,
        headers: Mapping[str, str] = HEADERS,
        **context: Any,
    ) -> Response:
        """Return a template as a page."""
        names = {
            "view": self,
            "title": self.title,
            "button": self.button,
            "fields": self.asked_fields(),
            "link": self.link_or_nothing,
            **context,
            "errors": context.get("errors") or {},
            "given": context.get("given") or {},
        }
        return HTMLResponse(None, status, dict(headers), template=template, context=names)

    def link_or_nothing(self, name: str, **params: Any) -> str:
        """Return the path of another account page; empty where the project has left it out."""
        try:
            return self.link(name, **params)
        except LookupError:
            return ""

    def done(self, sentence: str, to: str, status: int = 200, **data: Any) -> Response:
        """Return the answer to a form that was right: on to another page, which shows a sentence; JSON with the same.

        Args:
            sentence: What was done; empty for nothing to tell.
            to: The path of that page.
            status: The HTTP status of JSON.
            data: What JSON has beside.
        """
        if self.is_json:
            return JSONResponse({"detail": sentence, "next": to, **data}, status, HEADERS)
        if sentence:
            self.request.add_message(sentence, "success")
        return RedirectResponse(to, 303, HEADERS)

    def told(self, sentence: str) -> Response:
        """Return the answer to who has asked for a mail: the same one, whoever that is."""
        if self.is_json:
            return JSONResponse({"detail": sentence}, 202, HEADERS)
        return self.render("accounts/told.html", sentence=sentence)

    @property
    def next_page(self) -> str:
        """Where to go on after a login."""
        return next_address(self.request)

    def onward(self, name: str) -> str:
        """Return the path of the next page of a login, which knows where to go on afterwards."""
        wanted = self.request.query_params.get(NEXT, "")
        path = self.link(name)
        return with_next(path, wanted) if is_own_page(wanted) else path


class LinkView(AccountView):
    """A page that a link in a mail leads to.

    It does what it is for at the press of a button only: programs that look into mails follow links.

    Attributes:
        is_over: Whether the link is not good any more.
    """

    is_over = False
    refusals = {GONE: "The link is not good any more."}

    async def get(self, request: Request, **params: Any) -> Response:
        """Show the form, if the link is good."""
        return await self._refusal() or await super().get(request, **params)

    async def post(self, request: Request, **params: Any) -> Response:
        """Do what the link is for, if it is good; see `AccountView.post`."""
        return await self._refusal() or await super().post(request, **params)

    async def _refusal(self) -> Response | None:
        """Return the page that says that the link is over; `None` if it is not."""
        try:
            await self.check_link()
        except FormRefused as refusal:
            return await self.show(refusal.status, refusal.errors)
        return None

    async def check_link(self) -> Any:
        """Check the token in `params`.

        Raises:
            FormRefused: If it is over, or none of ours.
        """
        raise NotImplementedError

    async def show(
        self,
        status: int = 200,
        errors: Mapping[str, str] | None = None,
        given: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Response:
        """Return the page, without the form if the link is over; see `AccountView.show`."""
        self.is_over = status == GONE
        return await super().show(status, errors, given, headers)


def with_next(path: str, wanted: str) -> str:
    """Return a path with the page to go on with."""
    return f"{path}?{NEXT}={quote(wanted, safe='/')}"


def problem(status: int, errors: Mapping[str, str], headers: Mapping[str, str]) -> Response:
    """Return errors as programs get them (RFC 9457)."""
    content = {
        "type": "about:blank",
        "title": HTTPException.default_detail(status),
        "status": status,
        "detail": " ".join(errors.values()),
        "errors": dict(errors),
    }
    return JSONResponse(content, status, {**headers, "content-type": PROBLEM})


def over() -> FormRefused:
    """Return the refusal of a link from a mail that is not good any more, or never was."""
    return refused(gettext("This link is not good any more. Ask for a new one."), GONE)
