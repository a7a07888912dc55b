"""The chat page of our own: the socket is the platform, so there is nothing to send."""

from channels_integrations.base import Adapter, Capabilities, adapter


@adapter
class WebChat(Adapter):
    kind = "webchat"
    label = "Web chat"
    capabilities = Capabilities(streams=True)
