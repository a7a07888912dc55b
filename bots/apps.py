from django.apps import AppConfig


class BotsConfig(AppConfig):
    """Whose and what a bot is."""

    name = "bots"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from django.db.models.signals import post_migrate

        from bots import roles

        post_migrate.connect(roles.apply, dispatch_uid="switchboard.roles")
