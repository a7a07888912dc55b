"""Services that run models, as data: what the form of a new provider is filled in with.

Each vendor's documentation names its address: platform.openai.com/docs, openrouter.ai/docs, learn.microsoft.com (Azure
OpenAI, the v1 API), docs.ollama.com/api/openai-compatibility, docs.vllm.ai (OpenAI-compatible server).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Literal

from django.utils.translation import gettext_lazy as _


@dataclass(frozen=True, slots=True, kw_only=True)
class Preset:
    """`base_url` with a part in <…>, or none at all, is a pattern: whoever sets it up writes the address."""

    label: Any
    slug: str = ""
    name: str = ""
    kind: str = "openai_compatible"
    base_url: str = ""
    max_tokens_field: Literal["max_tokens", "max_completion_tokens"] = "max_tokens"
    needs_key: bool = True
    hint: Any = ""

    @property
    def asks_address(self) -> bool:
        """Whether the address cannot be known here."""
        return not self.base_url or "<" in self.base_url


PRESETS: Mapping[str, Preset] = MappingProxyType({
    "openai": Preset(
        label="OpenAI", slug="openai", name="OpenAI", base_url="https://api.openai.com/v1",
        max_tokens_field="max_completion_tokens",
        hint=_("Make a key at platform.openai.com/api-keys."),
    ),
    "openrouter": Preset(
        label="OpenRouter", slug="openrouter", name="OpenRouter", base_url="https://openrouter.ai/api/v1",
        hint=_("Make a key at openrouter.ai/settings/keys. Prices and limits come with its list of models."),
    ),
    "azure": Preset(
        label="Azure OpenAI", slug="azure", name="Azure OpenAI",
        base_url="https://<resource>.openai.azure.com/openai/v1/", max_tokens_field="max_completion_tokens",
        hint=_(
            "The key and the address stand in the Azure portal, on your resource under “Keys and Endpoint”. "
            "Azure calls a model by the name of your deployment."
        ),
    ),
    "ollama": Preset(
        label="Ollama", slug="ollama", name="Ollama", base_url="http://localhost:11434/v1", needs_key=False,
        hint=_("No key is needed. “ollama pull <model>” on its machine brings a model."),
    ),
    "vllm": Preset(
        label="vLLM", slug="vllm", name="vLLM", base_url="http://<host>:8000/v1", needs_key=False,
        hint=_("A key is needed only where vLLM was started with --api-key."),
    ),
    "custom": Preset(
        label=_("Another service that speaks OpenAI's protocol"), needs_key=False,
        hint=_("Its documentation names the address; it often ends in /v1."),
    ),
})  # fmt: skip
