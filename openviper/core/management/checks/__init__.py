"""What `check` looks at: one module per group, each a function that returns findings.

The functions are imported when first used: `check --only settings` needs neither the ORM nor templates.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from openviper.utils.exports import lazy_exports

if TYPE_CHECKING:
    from openviper.core.management.checks.ai import check_ai as check_ai
    from openviper.core.management.checks.databases import check_databases as check_databases
    from openviper.core.management.checks.mail import check_mail as check_mail
    from openviper.core.management.checks.models import check_models as check_models
    from openviper.core.management.checks.routes import check_routes as check_routes
    from openviper.core.management.checks.security import check_security as check_security
    from openviper.core.management.checks.static import check_static as check_static
    from openviper.core.management.checks.tasks import check_tasks as check_tasks
    from openviper.core.management.checks.templates import check_templates as check_templates

__all__, __getattr__, __dir__ = lazy_exports(
    __name__,
    {
        "openviper.core.management.checks.ai": ("check_ai",),
        "openviper.core.management.checks.databases": ("check_databases",),
        "openviper.core.management.checks.mail": ("check_mail",),
        "openviper.core.management.checks.models": ("check_models",),
        "openviper.core.management.checks.routes": ("check_routes",),
        "openviper.core.management.checks.security": ("check_security",),
        "openviper.core.management.checks.static": ("check_static",),
        "openviper.core.management.checks.tasks": ("check_tasks",),
        "openviper.core.management.checks.templates": ("check_templates",),
    },
)
