from django.apps import AppConfig


class ConversationsConfig(AppConfig):
    """Who said what, and the one function that answers."""

    name = "conversations"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from channels_integrations import trial
        from conversations import metrics, trials

        metrics.register()
        trial.send_with(trials.send)
