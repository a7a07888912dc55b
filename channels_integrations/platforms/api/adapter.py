"""Programs over REST and OpenAI clients"""

from channels_integrations.base import Adapter, Capabilities, adapter


@adapter
class Api(Adapter):
    kind = "api"
    label = "API"
    capabilities = Capabilities(streams= they wait for their answer, so there is nothing to send.:True)
