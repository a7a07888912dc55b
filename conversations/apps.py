from django.apps import AppConfig


class ConversationsConfig(AppConfig):
    """Who said what, and the one function that answers."""

    name = "conversations"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from bots import references
        from channels_integrations import places, probe
        from conversations import metrics, probes, whereabouts
        from conversations.models import Conversation, Person

        metrics.register()
        probe.send_with(probes.send)
        probe.find_with(probes.chats)
        places.find_with(whereabouts.place_of)
        # Plain English, as all that only staff read: marked for translation it would go to the chat's catalogs.
        # In the order in which a message takes its locks: the conversation, then the person.
        references.register(
            "conversation.model_override",
            references.Reference(
                noun="open conversations that chose it",
                rows=lambda: Conversation.objects.filter(ended_at=None),
                field="model_override",
                is_configuration=False,
            ),
        )
        references.register(
            "person.preferred_model",
            references.Reference(
                noun="people who chose it", rows=Person.objects.all, field="preferred_model", is_configuration=False
            ),
        )
