from django.apps import AppConfig


class BotsConfig(AppConfig):
    """Whose and what a bot is."""

    name = "bots"
    default_auto_field = "django.db.models.BigAutoField"
