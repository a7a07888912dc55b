from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class ChannelsIntegrationsConfig(AppConfig):
    """How people reach a bot."""

    name = "channels_integrations"
    verbose_name = "Channels"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from bots import environment, references
        from channels_integrations import accounts, flags, models

        flags.read_with(models.stored_flags)
        environment.also(accounts.sync)
        channels = models.ChannelConfig.objects
        references.register(
            "channel.default_model",
            references.Reference(
                noun=_("channels"), rows=lambda: channels.filter(archived_at=None), field="default_model"
            ),
        )
