"""Pages for accounts: signing up, logging in, and all that users do with their accounts.

>>> route_paths = [("/accounts", account_routes())]
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from openviper.utils.exports import lazy_exports

if TYPE_CHECKING:
    from openviper.auth.flows.emails import ChangeEmail as ChangeEmail
    from openviper.auth.flows.emails import Email as Email
    from openviper.auth.flows.emails import SendVerification as SendVerification
    from openviper.auth.flows.emails import VerifyEmail as VerifyEmail
    from openviper.auth.flows.fields import Field as Field
    from openviper.auth.flows.fields import Fields as Fields
    from openviper.auth.flows.fields import FormRefused as FormRefused
    from openviper.auth.flows.logins import AskForCode as AskForCode
    from openviper.auth.flows.logins import ConfirmPassword as ConfirmPassword
    from openviper.auth.flows.logins import EnterCode as EnterCode
    from openviper.auth.flows.logins import LogIn as LogIn
    from openviper.auth.flows.logins import LogOut as LogOut
    from openviper.auth.flows.logins import SecondFactor as SecondFactor
    from openviper.auth.flows.own_account import Delete as Delete
    from openviper.auth.flows.own_account import Overview as Overview
    from openviper.auth.flows.own_account import Sessions as Sessions
    from openviper.auth.flows.passwords import ChangePassword as ChangePassword
    from openviper.auth.flows.passwords import NewPassword as NewPassword
    from openviper.auth.flows.passwords import ResetPassword as ResetPassword
    from openviper.auth.flows.routes import account_routes as account_routes
    from openviper.auth.flows.second_factor import EndTwoFactor as EndTwoFactor
    from openviper.auth.flows.second_factor import NewRecoveryCodes as NewRecoveryCodes
    from openviper.auth.flows.second_factor import TwoFactor as TwoFactor
    from openviper.auth.flows.sign_up import FinishSignUp as FinishSignUp
    from openviper.auth.flows.sign_up import SignUp as SignUp
    from openviper.auth.flows.view import AccountView as AccountView

__all__, __getattr__, __dir__ = lazy_exports(
    __name__,
    {
        "openviper.auth.flows.emails": ("ChangeEmail", "Email", "SendVerification", "VerifyEmail"),
        "openviper.auth.flows.fields": ("Field", "Fields", "FormRefused"),
        "openviper.auth.flows.logins": (
            "AskForCode",
            "ConfirmPassword",
            "EnterCode",
            "LogIn",
            "LogOut",
            "SecondFactor",
        ),
        "openviper.auth.flows.own_account": ("Delete", "Overview", "Sessions"),
        "openviper.auth.flows.passwords": ("ChangePassword", "NewPassword", "ResetPassword"),
        "openviper.auth.flows.routes": ("account_routes",),
        "openviper.auth.flows.second_factor": ("EndTwoFactor", "NewRecoveryCodes", "TwoFactor"),
        "openviper.auth.flows.sign_up": ("FinishSignUp", "SignUp"),
        "openviper.auth.flows.view": ("AccountView",),
    },
)
