"""Where allauth asks us."""

import logging
from smtplib import SMTPException
from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.internal.flows.login import (
    _AUTHENTICATION_METHODS_USER_SESSION_KEY as WHOSE_METHODS,
)
from allauth.account.internal.flows.login import AUTHENTICATION_METHODS_SESSION_KEY as METHODS
from allauth.core import context
from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.mfa.models import Authenticator
from django.http import HttpRequest
from django.utils import timezone

from apps.accounts import actions
from apps.accounts.models import User
from portal import secrets

log = logging.getLogger("accounts")


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]
    """Nobody signs up by themselves: people are invited into a tenant."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return False

    def login(self, request: HttpRequest, user: User) -> None:
        """In a new session: nothing of a former one, its tenant or its rights, is carried over."""
        kept = {key: request.session[key] for key in (METHODS, WHOSE_METHODS) if key in request.session}
        request.session.flush()
        request.session.update(kept)
        super().login(request, user)

    def send_notification_mail(self, *args: Any, **kwargs: Any) -> None:
        """What it tells of has been done: a mail server that is away doesn't make it look undone."""
        try:
            super().send_notification_mail(*args, **kwargs)
        except (SMTPException, OSError):
            log.warning("a notice about an account could not be mailed", exc_info=True)

    def set_password(self, user: User, password: str) -> None:
        """Whoever changes a password ends all sessions but the one they do it in."""
        here = context.request.session.session_key if context.request.user == user else None
        actions.change_password(user=user, password=password, keep=here, now=timezone.now())


class SecondFactorAdapter(DefaultMFAAdapter):  # type: ignore[misc]
    """Secrets of authenticators are sealed: a stolen table gives nobody a code."""

    def encrypt(self, text: str) -> str:
        return secrets.seal(text)

    def decrypt(self, encrypted_text: str) -> str:
        return secrets.unseal(encrypted_text)

    def generate_authenticator_name(self, user: User, type: str) -> str:
        """What a key is called until its owner names it."""
        return f"Key {Authenticator.objects.filter(user=user, type=type).count() + 1}"

    def get_public_key_credential_rp_entity(self) -> dict[str, Any]:
        return {**super().get_public_key_credential_rp_entity(), "name": "Causeway"}
