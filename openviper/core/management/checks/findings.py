"""Findings of `check`, and the codes they bear.

A code is ``group.LNNN``: the letter is the level, E for an error and W for a warning. Codes are documented, never
reused, and can be silenced with the setting `SILENCED_SYSTEM_CHECKS`. Taken, though gone: security.E006 to E010 and
W001 to W004, which spoke of cookies, CORS, rate limits and tokens.
"""

from __future__ import annotations

from typing import NamedTuple

LEVELS = ("warning", "error")
"""The levels, the lower one first."""

CODES: dict[str, str] = {
    "settings.E001": "The settings module cannot be loaded.",
    "settings.E002": "A setting has a value that is not allowed.",
    "settings.E003": "A setting names something that cannot be imported.",
    "settings.E004": "An installed app cannot be found.",
    "settings.E005": "An entry of `CACHES` makes no cache, or has a table that `INSTALLED_APPS` does not bring.",
    "settings.E006": "`VENDOR_CHECK` is `refuse`, and the vendored tree differs from its manifest.",
    "settings.W001": "`SILENCED_SYSTEM_CHECKS` holds a code that no check has.",
    "settings.W002": "An environment variable looks like a misspelt setting.",
    "settings.W003": "A field of the settings class looks like a misspelt setting.",
    "settings.W004": "A name in the settings module is ignored, because settings are fields of the class.",
    "settings.W005": "A setting of an earlier version is given, which nothing reads any more.",
    "settings.W006": "`VENDOR_CHECK` is `warn`, and the vendored tree differs from its manifest.",
    "models.E001": "The models of an app cannot be imported.",
    "models.E002": "The models, or the schema files, contradict each other.",
    "models.W001": "The models have changes that `makemigrations` has not written down.",
    "routes.E001": "The application or its routes cannot be loaded.",
    "routes.E002": "A handler's parameters do not fit its path.",
    "routes.E003": "Answers or results are kept in a cache that `CACHES` does not have.",
    "routes.W001": "Two routes have the same path and method, so the later one is never reached.",
    "routes.W002": "Two routes with different paths have the same name.",
    "templates.E001": "A template has an error.",
    "templates.E002": "A template extends, includes or imports one that does not exist.",
    "templates.E003": "A template names a route, or a static file, that does not exist.",
    "templates.E004": "`JINJA_PLUGINS` is wrong, or one of the plug-ins cannot be imported.",
    "templates.W001": "`TEMPLATES_DIR` does not exist.",
    "templates.W002": "Templates cannot be checked, because Jinja2 is not installed.",
    "templates.W003": "A template uses a name that looks like a misspelt one.",
    "static.E001": "`STATIC_ROOT` lies in a directory that static files are collected from.",
    "mail.E001": "`EMAIL` has a key or a value that cannot work.",
    "tasks.E001": "`TASKS` has a value that cannot work.",
    "tasks.E002": "The tasks of an app cannot be imported.",
    "tasks.W001": "Tasks are kept in memory, where no worker finds them.",
    "ai.E001": "An entry of `AI_PROVIDERS` cannot work.",
    "ai.W001": "`AI_PROVIDERS` is given and `ENABLE_AI_PROVIDERS` is off, so that nothing reads it.",
    "ai.W002": "Two entries of `AI_PROVIDERS` have the same model; the later one is asked.",
    "database.E001": "A database cannot be used.",
    "database.E002": "The schema files cannot be compared with a database.",
    "database.W001": "A database is behind the schema files; `migrate` brings it up to date.",
    "database.W002": "Data patches have not run on a database; `migrate` runs them.",
    "database.W003": "A database has something that no schema file describes any more.",
    "security.E001": "`DEBUG` is on.",
    "security.E002": "`SECRET_KEY` is not set, or too short.",
    "security.E003": "Requests over plain HTTP are not redirected (`SECURE_SSL_REDIRECT`).",
    "security.E004": "`SECURE_HSTS_SECONDS` is less than a year.",
    "security.E005": "`ALLOWED_HOSTS` does not name the hosts.",
    "security.E011": "One of `SECRET_KEY_FALLBACKS` is too short.",
    "security.E012": "`JWT_SECRET_KEY`, or one of its fallbacks, is shorter than the hash of `JWT_ALGORITHM`.",
    "security.W005": "The secret key is written in the settings module.",
    "security.W006": "`SecurityMiddleware` is not among `MIDDLEWARE`.",
    "security.W007": "`OPENVIPER_ENV` is not `production`, so the rules for production are not enforced at start.",
    "security.W008": "`TESTING` is on.",
    "security.W009": "Other users of this machine can read a file with secrets or data.",
    "security.W010": "`DEPLOYMENT` says that the site is reached over plain HTTP.",
    "security.W011": "The middleware of sessions, authentication and CSRF stand in the wrong order.",
    "security.W012": "There are sessions and no `CSRFMiddleware`.",
    "security.W013": "Scripts can read the cookie of sessions (`SESSION_COOKIE_HTTPONLY`).",
    "security.W014": "Sessions are kept in the memory of each worker.",
}
"""Every code with what it means."""

GROUPS = tuple(dict.fromkeys(code.partition(".")[0] for code in CODES))
"""The groups of checks, in the order in which they run."""


class Finding(NamedTuple):
    """Something a check found.

    Attributes:
        code: A key of `CODES`.
        message: What is wrong, with the offending value.
        hint: What to do, a sentence; may be empty.
        where: The file, app, alias or setting; may be empty.
    """

    code: str
    message: str
    hint: str = ""
    where: str = ""

    @property
    def group(self) -> str:
        """The part of the code before the dot."""
        return self.code.partition(".")[0]

    @property
    def level(self) -> str:
        """One of `LEVELS`."""
        return "error" if self.code.partition(".")[2].startswith("E") else "warning"

    def as_dict(self) -> dict[str, str]:
        """Return the finding for JSON."""
        return {
            "code": self.code,
            "level": self.level,
            "message": self.message,
            "hint": self.hint,
            "where": self.where,
        }
