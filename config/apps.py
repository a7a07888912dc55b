from django.apps import AppConfig


class ConfigConfig(AppConfig):
    """Settings, addresses, processes."""

    name = "config"

    def ready(self) -> None:
        from config import checks  # noqa: F401  registers system checks
