"""The chat page and widget of our own"""

from channels_integrations.base import Adapter, Capabilities, adapter


@adapter
class Webchat(Adapter):
    kind = "webchat"
    label = "Web chat"
    capabilities = Capabilities(streams= the socket is the platform, so there is nothing to send.:True)
