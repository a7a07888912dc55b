"""The tenant, who works in it, and the keys that programs use."""

from __future__ import annotations

import hashlib
import re
import secrets
import uuid
from typing import TYPE_CHECKING, Any, Self

from django.conf import settings
from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Value
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from bots.fields import IdField

if TYPE_CHECKING:
    from bots.models.bot import Bot

DEFAULT_WORKSPACE = uuid.UUID(int=1)
SCOPES = ("chat", "read", "manage")
ORIGIN = re.compile(r"https?://(\[[0-9a-f:.]+\]|[a-z0-9-]+(\.[a-z0-9-]+)*)(:[0-9]{1,5})?")
USUAL_PORT = re.compile(r"http://.*:80|https://.*:443")


class ScopedQuerySet(models.QuerySet[Any]):
    """Rows that somebody may see. All reading for staff and programs begins with `for_actor`."""

    workspace_path = "workspace"

    def for_actor(self, actor: Any) -> Self:
        """Rows of an ApiKey's workspace, of a staff user's memberships; all for a superuser, else none."""
        if isinstance(actor, ApiKey):
            return self.filter(**{self.workspace_path: actor.workspace_id})
        if not isinstance(actor, AbstractBaseUser) or not actor.is_active:
            return self.none()
        if getattr(actor, "is_superuser", False):
            return self.all()
        if not getattr(actor, "is_staff", False):
            return self.none()
        return self.filter(**{f"{self.workspace_path}__in": _workspaces_of(actor)})


def _workspaces_of(user: Any) -> list[uuid.UUID]:
    """Asked once a request, as roles are: the user object lives as long.

    A list, and no subquery: what PostgreSQL expects of one here has it walk whole ledgers row by row.
    """
    if not hasattr(user, "_workspaces"):
        user._workspaces = list(Membership.objects.filter(user_id=user.pk).values_list("workspace", flat=True))
    found: list[uuid.UUID] = user._workspaces
    return found


class WorkspaceQuerySet(ScopedQuerySet):
    workspace_path = "pk"


class Workspace(models.Model):
    """A tenant. The one made by migration serves whoever never needs a second."""

    id = IdField()
    name = models.CharField(max_length=100)
    created_at = models.DateTimeField(db_default=Now())

    objects = WorkspaceQuerySet.as_manager()

    def __str__(self) -> str:
        return self.name

    @classmethod
    def default(cls) -> Workspace:
        """The workspace every installation has."""
        return cls.objects.get_or_create(pk=DEFAULT_WORKSPACE, defaults={"name": "Default"})[0]


class Membership(models.Model):
    """A staff user's part in a workspace."""

    class Role(models.TextChoices):
        ADMINISTRATOR = "administrator", _("Administrator")
        OPERATOR = "operator", _("Operator")
        ANALYST = "analyst", _("Analyst")

    id = IdField()
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="memberships")
    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="memberships")
    role = models.CharField(max_length=20, choices=Role, default=Role.OPERATOR)

    objects = ScopedQuerySet.as_manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user", "workspace"], name="one_membership_each")]

    def __str__(self) -> str:
        return f"{self.user} in {self.workspace}"


class ApiKeyQuerySet(ScopedQuerySet):
    def authenticate(self, text: str) -> ApiKey | None:
        """The live key whose text this is, or None. One look-up by prefix, a comparison in constant time."""
        prefix, _dot, _rest = text.partition(".")
        key = self.select_related("workspace").filter(prefix=prefix[:20], revoked_at=None).first()
        digest = ApiKey.digest(text)
        if key is None or not secrets.compare_digest(key.digest_hex, digest) or key.expired:
            return None
        return key  # type: ignore[no-any-return]


def check_origins(origins: Any) -> None:
    """Raises ValidationError unless this is a list of origins, each as browsers send it."""
    if not isinstance(origins, list) or len(origins) > 100:
        raise ValidationError(_("This takes a list of at most 100 origins."))
    for origin in origins:
        if not isinstance(origin, str) or not ORIGIN.fullmatch(origin) or USUAL_PORT.fullmatch(origin):
            raise ValidationError(
                _("%(origin)r is no origin: write it as https://app.example, without a path or a usual port."),
                params={"origin": origin},
            )


class ApiKey(models.Model):
    """What a program shows to be let in. Shown once, kept as SHA-256 (128 random bits need no slow hash)."""

    id = IdField()
    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="api_keys")
    name = models.CharField(max_length=100)
    prefix = models.CharField(max_length=20, unique=True, editable=False)
    digest_hex = models.CharField(max_length=64, editable=False)
    scopes = models.JSONField(default=list)
    bots: models.ManyToManyField[Bot, models.Model] = models.ManyToManyField(
        "bots.Bot", blank=True, help_text=_("None chosen: all bots of the workspace.")
    )
    rate_limit_per_minute = models.PositiveIntegerField(null=True, blank=True)
    allowed_origins = models.JSONField(
        default=list,
        db_default=Value([], models.JSONField()),
        blank=True,
        validators=[check_origins],
        help_text=_("Pages that may use it from a browser. Programs always may."),
    )
    created_at = models.DateTimeField(db_default=Now())
    expires_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)

    objects = ApiKeyQuerySet.as_manager()

    class Meta:
        verbose_name = _("API key")

    def __str__(self) -> str:
        return f"{self.name} ({self.prefix}…)"

    @staticmethod
    def digest(text: str) -> str:
        return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()

    @classmethod
    def issue(
        cls, *, workspace: Workspace, name: str, scopes: list[str], bots: list[Bot] | None = None
    ) -> tuple[ApiKey, str]:
        """The new row and its text, which is kept nowhere: show it now."""
        key = cls(workspace=workspace, name=name, scopes=scopes)
        text = key.mint()
        key.save()
        key.bots.set(bots or [])
        return key, text

    def mint(self) -> str:
        """A new text for this key, not saved yet."""
        self.prefix = "sb_" + secrets.token_hex(6)
        text = f"{self.prefix}.{secrets.token_urlsafe(24)}"
        self.digest_hex = self.digest(text)
        return text

    @property
    def expired(self) -> bool:
        from django.utils import timezone

        return self.expires_at is not None and self.expires_at <= timezone.now()

    # What Django and DRF ask of whoever is "logged in".
    is_authenticated = True
    is_anonymous = False

    def may_use(self, bot: Bot) -> bool:
        """Whether the bot is one of this key's: named, or any of its workspace where none is named."""
        if bot.workspace_id != self.workspace_id:
            return False
        named = {chosen.pk for chosen in self.bots.all()}
        return not named or bot.pk in named


Actor = ApiKey | AbstractBaseUser | AnonymousUser
