"""Feature flags over REST: read, set, changed, and taken away, which brings the default back."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.exceptions import ValidationError

from channels_integrations.flags import KNOWN, LARGEST, LONGEST, Value
from channels_integrations.models import ChannelConfig, FeatureFlag
from conversations.api import reach
from conversations.api.authentication import actor
from conversations.api.configuration import OneRow, Reference, RowList, Rows, RowSerializer


@extend_schema_field(
    {
        "oneOf": [
            {"type": "boolean"},
            {"type": "integer", "minimum": 0, "maximum": LARGEST},
            {"type": "string", "maxLength": LONGEST},
        ]
    }
)
class ValueField(serializers.Field):
    """A flag's value as JSON has it. Whether its type is the flag's own is checked with the name."""

    def to_internal_value(self, data: Any) -> Value:
        if type(data) not in (bool, int, str) or (type(data) is int and not 0 <= data <= LARGEST):
            raise ValidationError("This is neither true or false, nor a number from 0 on, nor a text.")
        if isinstance(data, str) and len(data) > LONGEST:
            raise ValidationError(f"A text may have {LONGEST} characters.")
        return data  # type: ignore[no-any-return]

    def to_representation(self, value: Value) -> Value:
        return value

    def get_attribute(self, instance: FeatureFlag) -> Value:
        """The typed value; the text as it is where one is stored that is none of its kind."""
        return instance.shown


class FlagSerializer(RowSerializer):
    """A known flag's value: on one channel, or without one in the whole workspace."""

    fixed = ("workspace", "name", "channel")

    id = serializers.UUIDField(read_only=True)
    workspace = serializers.UUIDField(source="workspace_id", required=False)
    name = serializers.ChoiceField(choices=list(KNOWN))
    value = ValueField()
    channel = Reference("slug", allow_null=True, required=False)
    updated_at = serializers.DateTimeField(read_only=True)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if self.instance is None:
            attrs |= self._place(attrs)
        name = attrs["name"] if self.instance is None else self.instance.name
        attrs = attrs if self.instance is None else self.unchanged(attrs)
        if "value" in attrs:
            _check(name, attrs["value"])
        return attrs

    def create(self, validated_data: dict[str, Any]) -> FeatureFlag:
        flag = FeatureFlag(**{name: value for name, value in validated_data.items() if name != "value"})
        return self._put(flag, validated_data["value"], replace=False)

    def update(self, instance: Any, validated_data: dict[str, Any]) -> FeatureFlag:
        return self._put(instance, validated_data["value"]) if "value" in validated_data else instance

    def _put(self, flag: FeatureFlag, value: Value, *, replace: bool = True) -> FeatureFlag:
        place = {"workspace_id": flag.workspace_id, "channel_id": flag.channel_id}
        FeatureFlag.objects.put(flag.name, value, **place, who=self.who, replace=replace)
        kept: FeatureFlag = FeatureFlag.objects.get(**place, name=flag.name)
        return kept

    def _place(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """The channel and workspace of a new flag. Raises ValidationError, or PermissionDenied for a limited key."""
        if attrs.get("channel") is None:
            reach.check_unlimited(self.who)
            return {"channel": None, "workspace_id": reach.workspace_for(self.who, attrs.get("workspace_id"))}
        rows = reach.channels_within(self.who).filter(workspace__in=reach.managed(self.who))
        channel: ChannelConfig | None = rows.filter(slug=attrs["channel"]).first()
        if channel is None:
            raise ValidationError({"channel": [f"There is no channel {attrs['channel'][:60]!r}."]})
        return {"channel": channel, "workspace_id": channel.workspace_id}


def _check(name: str, value: Value) -> None:
    """Raises ValidationError unless the value is of the flag's own type."""
    if name not in KNOWN:
        raise ValidationError({"name": [f"{name!r} is no flag any more."]})
    if not KNOWN[name].takes(value):
        raise ValidationError({"value": [f"{name} takes {KNOWN[name].allowed}."]})


class FlagRows(Rows):
    rows = FeatureFlag
    unique = "name"
    serializer_class = FlagSerializer

    def to_change(self) -> Any:
        """Not locked: `put` takes its own lock first, and who held a row before it would wait for one another."""
        return self.get_queryset()

    def reached(self) -> Any:
        return reach.flags_within(actor(self.request)).select_related("channel")


class Flags(FlagRows, RowList):
    """Flags that are set; those that are not have their defaults. POST sets one."""


class OneFlag(FlagRows, OneRow):
    """A set flag, by id. DELETE brings the default back."""

    def remove(self, row: FeatureFlag) -> None:
        """It really goes: nothing points at it."""
        place = {"workspace_id": row.workspace_id, "channel_id": row.channel_id}
        FeatureFlag.objects.put(row.name, None, **place, who=actor(self.request))
