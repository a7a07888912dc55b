"""What the demo model knows of this product, and a sample of everything an answer may hold."""

from __future__ import annotations

import re


def _about(words: str, answer: str) -> tuple[re.Pattern[str], str]:
    return re.compile(rf"\b({words})\b", re.IGNORECASE), answer


ANSWERS = (
    _about(
        "api keys?|real model|openai|ollama|provider|openrouter|vllm|connect a model|add a model",
        "To use a real model, set two variables and start again:\n\n"
        "```sh\nOPENAI_API_KEY=sk-…\nDEFAULT_MODEL=openai/<model>\n```\n\n"
        "`OPENAI_BASE_URL` points it at any compatible server: OpenRouter, Ollama, vLLM. Further providers are rows in "
        "the [admin](/admin/).",
    ),
    _about(
        "rest|api|curl|sdk|openai client",
        "Programs reach every bot two ways:\n\n- **REST** at `/api/v1/`, described at `/api/docs/`\n"
        "- any **OpenAI client** at `/v1/`: each bot is a model\n\n"
        "Make a key with `python manage.py create_api_key mine`.",
    ),
    _about(
        "channels?|telegram|discord|slack|whatsapp|messenger|websites?|widget",
        "This bot answers here in the browser, in the terminal (`python manage.py chat`), over REST and to OpenAI "
        "clients. Telegram and Discord come next; each platform is one folder of code.",
    ),
    _about(
        "commands?|what can you do|help",
        "Type `/help` for the commands. The most useful:\n\n- `/model` shows and changes the model\n"
        "- `/new` starts a new conversation\n- `/status` shows tokens and cost\n- `/stop` stops an answer",
    ),
    _about(
        "models?|switch",
        "`/model` lists the models and `/model demo/brief` changes it for this conversation. The order is: "
        "conversation, person, channel, bot, then the installation's default.",
    ),
    _about(
        "costs?|price|tokens?|budget|money",
        "Every model call is written down with its tokens and the price of that moment; `/status` sums them up. "
        "I am the demo model and cost nothing.",
    ),
    _about(
        "lost|crash|durable|reliab\\w+|restart",
        "Your message is stored before it is acknowledged. If the process that answers dies, another one answers it, "
        "once.",
    ),
    _about("switchboard|this product|docs?|documentation",
           "Switchboard is an open-source platform for AI chat bots. Staff set bots up in the [admin](/admin/); people "
           "talk to them wherever they are."),
)  # fmt: skip

SAMPLE = """Here is a bit of everything (this is the demo model).

## A list

1. First, *emphasis* and **strong words**
2. Then `code` in a line
   - and something nested

## A table

| channel | streams |
|---|---|
| web chat | yes |
| REST | yes, as events |

## Code

```python
def greet(name: str) -> str:
    return f"Hello, {name}"
```

> And a quotation, with a link to [example.com](https://example.com/).

That was all."""
