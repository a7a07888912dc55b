from __future__ import annotations

import pytest
from pydantic import ValidationError

from channels_integrations.config_form import form_for
from channels_integrations.platforms.discord.config import Config, bot_id
from tests.channels_integrations.platforms.discord.conftest import adapter_of
from tests.fakes.discord_objects import Bot


def test_a_token_says_whose_it_is() -> None:
    bot = Bot("Hal")
    assert bot_id(f" {bot.token}\n") == bot.id
    config = Config.model_validate({"token": f" {bot.token}\n"})
    assert config.token.get_secret_value() == bot.token
    assert (config.in_channels, config.prefix) == ("addressed", "")


def test_a_channel_is_known_by_its_bot_whatever_the_token() -> None:
    bot, other = Bot("Hal"), Bot("Eve")
    renewed = bot.token.replace("made.up", "made.anew")
    assert [adapter_of(each).identity() for each in (bot, other)] == [bot.id, other.id]
    bot.token = renewed
    assert adapter_of(bot).identity() == bot.id


@pytest.mark.parametrize("token", ["", "x", "a.b.c", "Bot abc", "MTIz.x", "MTIz..x", "é.é.é", "MTIz.a.b.c", "====.a.b"])
def test_what_can_be_no_token_is_told_so(token: str) -> None:
    with pytest.raises(ValidationError, match="Reset Token"):
        Config.model_validate({"token": token})


def test_the_admins_form_has_its_boxes() -> None:
    boxes = form_for("discord", with_flags=False).base_fields
    assert {"config_token", "config_in_channels", "config_prefix"} <= set(boxes)
    assert all(boxes[name].help_text for name in boxes if name.startswith("config_"))
