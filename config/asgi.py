"""The ASGI application: pages and API through Django, sockets through Channels without Django's middleware."""

import os

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
pages = get_asgi_application()  # before anything that imports models

from channels.routing import ProtocolTypeRouter, URLRouter  # noqa: E402

from config.correlation import with_correlation  # noqa: E402
from config.lifespan import with_lifespan  # noqa: E402
from conversations.routing import websocket_urlpatterns  # noqa: E402

application = with_lifespan(
    with_correlation(ProtocolTypeRouter({"http": pages, "websocket": URLRouter(websocket_urlpatterns)}))
)
