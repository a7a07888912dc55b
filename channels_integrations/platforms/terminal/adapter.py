"""`manage.py chat` on the machine itself."""

from channels_integrations.base import Adapter, Capabilities, adapter


@adapter
class Terminal(Adapter):
    kind = "terminal"
    label = "Terminal"
    capabilities = Capabilities(streams=True)
