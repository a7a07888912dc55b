"""Models over REST: read with abilities and prices; named, switched and tuned where they are ours."""

from __future__ import annotations

from typing import Any

from django.db.models import Prefetch
from django.utils import timezone
from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import generics, serializers

from bots.models import AIModel, ModelPrice
from bots.models.price import dollars
from bots.models.provider import Source
from conversations.api import reach
from conversations.api.authentication import actor
from conversations.api.configuration import NAME, READ, OneRow, ReadOnly, Rows, RowSerializer


class BriefModelSerializer(serializers.Serializer):
    id = serializers.CharField(source="reference")
    name = serializers.CharField(source="__str__")


class AbilitiesSerializer(serializers.Serializer):
    tools = serializers.BooleanField(source="can_call_tools")
    images = serializers.BooleanField(source="can_see_images")
    reasoning = serializers.BooleanField(source="can_reason")


class PriceSerializer(serializers.Serializer):
    """Dollars per million tokens, as decimal strings."""

    input_usd = serializers.SerializerMethodField()
    cached_usd = serializers.SerializerMethodField()
    output_usd = serializers.SerializerMethodField()
    valid_from = serializers.DateTimeField()

    def get_input_usd(self, price: ModelPrice) -> str:
        return f"{dollars(price.input_nanodollars):f}"

    def get_cached_usd(self, price: ModelPrice) -> str:
        cached = price.input_nanodollars if price.cached_nanodollars is None else price.cached_nanodollars
        return f"{dollars(cached):f}"

    def get_output_usd(self, price: ModelPrice) -> str:
        return f"{dollars(price.output_nanodollars):f}"


class ModelSerializer(RowSerializer):
    """A model. `id` is its reference, as bots and people name it; `uuid` the row's own."""

    fixed = ()

    id = serializers.CharField(source="reference", read_only=True)
    uuid = serializers.UUIDField(source="pk", read_only=True)
    name = serializers.CharField(source="__str__", read_only=True)
    provider = serializers.CharField(source="provider.slug", read_only=True)
    label = serializers.CharField(max_length=150, allow_blank=True, required=False)  # type: ignore[assignment]
    abilities = AbilitiesSerializer(source="*", read_only=True)
    context_window = serializers.IntegerField(read_only=True)
    max_output_tokens = serializers.IntegerField(read_only=True)
    parameters = serializers.DictField(required=False)
    price = serializers.SerializerMethodField(help_text="In force now; null: unknown.")
    shutdown_date = serializers.DateField(read_only=True, allow_null=True)
    is_active = serializers.BooleanField(required=False)
    source = serializers.ChoiceField(choices=Source.choices, read_only=True)  # type: ignore[assignment]

    @extend_schema_field(PriceSerializer(allow_null=True))
    def get_price(self, model: AIModel) -> Any:
        price = next(iter(model.prices.all()), None)
        return PriceSerializer(price).data if price else None


class ModelRows(Rows):
    rows = AIModel
    serializer_class = ModelSerializer
    brief = BriefModelSerializer
    scopes = {**Rows.scopes, "GET": READ | {"chat"}}

    def reached(self) -> Any:
        prices = ModelPrice.objects.filter(valid_from__lte=timezone.now()).order_by("-valid_from")
        found = reach.models_within(actor(self.request)).select_related("provider")
        found = found.prefetch_related(Prefetch("prices", queryset=prices))
        return found if self.manages else found.filter(is_active=True, provider__is_active=True)

    def named(self, name: str) -> dict[str, Any] | None:
        slug, _slash, model = name.partition("/")
        return {"provider__slug": slug, "name": model}


class Models(ModelRows, generics.ListAPIView):
    """Models that bots of the workspace may use; who may manage sees those switched off too."""


@extend_schema(parameters=[NAME])
class OneModel(ModelRows, OneRow):
    """A model, by reference or uuid. PATCH takes its label, its parameters, and whether it is in use."""

    http_method_names = ["get", "patch", "head", "options"]

    def check_may_change(self, row: AIModel) -> None:
        if row.source == Source.ENVIRONMENT:
            raise ReadOnly("This model comes from the environment and follows it: change it there.")
        reach.check_unlimited(actor(self.request))
        reach.check_manages(actor(self.request), row.provider.workspace_id)
