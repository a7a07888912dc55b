"""Programs over REST and OpenAI clients: they wait for their answer, so there is nothing to send."""

from channels_integrations.base import Adapter, Capabilities, adapter


@adapter
class Api(Adapter):
    kind = "api"
    label = "API"
    capabilities = Capabilities(streams=True)
