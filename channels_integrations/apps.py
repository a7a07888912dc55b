from django.apps import AppConfig


class ChannelsIntegrationsConfig(AppConfig):
    """How people reach a bot."""

    name = "channels_integrations"
    verbose_name = "Channels"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from channels_integrations import flags, models

        flags.read_with(models.stored_flags)
