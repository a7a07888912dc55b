from django.apps import AppConfig
from django.conf import settings


class ConfigConfig(AppConfig):
    """Settings, addresses, processes."""

    name = "config"

    def ready(self) -> None:
        from config import checks  # noqa: F401  registers system checks

        if settings.CELERY_BROKER_URL:
            import config.celery  # noqa: F401  so that doorbells know their broker
