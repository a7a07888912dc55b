from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class BotsConfig(AppConfig):
    """Whose and what a bot is."""

    name = "bots"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from django.db.models.signals import post_migrate

        from bots import references, roles
        from bots.models import Bot

        post_migrate.connect(roles.apply, dispatch_uid="switchboard.roles")
        references.register(
            "bot.model",
            references.Reference(noun=_("bots"), rows=lambda: Bot.objects.filter(archived_at=None), field="model"),
        )
