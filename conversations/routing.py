"""Websocket addresses."""

from typing import Any

from django.urls import path, re_path

from conversations.consumers import ChatConsumer
from conversations.socket_door import NoSuchAddress
from conversations.staff_socket import StaffConsumer

chat: Any = ChatConsumer.as_asgi()  # an ASGI application, where Django's types know views alone
staff: Any = StaffConsumer.as_asgi()
nowhere: Any = NoSuchAddress.as_asgi()

websocket_urlpatterns = [
    path("ws/chat/<str:slug>/", chat),
    path("ws/staff/", staff),
    re_path("", nowhere),  # without it, Channels raises for an unknown address: a 500
]
