"""What the views of bots, channels, flags and models share: listing, making, changing and archiving rows."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, ClassVar

from django.db import IntegrityError, models, transaction
from django.db.models.functions import Now
from django.http import Http404
from drf_spectacular.utils import OpenApiParameter
from rest_framework import generics, serializers, status
from rest_framework.exceptions import APIException, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from bots.remember import forget
from conversations.api import idempotency, reach
from conversations.api.authentication import actor, scopes_of

READ, MANAGE = frozenset({"read", "manage"}), frozenset({"manage"})
NAME = OpenApiParameter("name", str, OpenApiParameter.PATH, description="Its id, or its name for programs.")


class Conflict(APIException):
    status_code = status.HTTP_409_CONFLICT
    default_code = "conflict"


class ReadOnly(Conflict):
    default_code = "read_only"


class RowSerializer(serializers.Serializer):
    """A row as programs read and write it. Unknown fields are refused; `fixed` ones stay as they were made."""

    fixed: ClassVar[tuple[str, ...]] = ("workspace",)
    instance: Any

    @property
    def who(self) -> reach.Caller:
        return actor(self.context["request"])

    def to_internal_value(self, data: Any) -> Any:
        unknown = sorted(set(data) - set(self.fields)) if isinstance(data, Mapping) else []
        if unknown:
            raise ValidationError({name[:60]: ["There is no such field."] for name in unknown[:20]})
        return super().to_internal_value(data)

    def unchanged(self, attributes: dict[str, Any]) -> dict[str, Any]:
        """The attributes without the fixed ones. Raises ValidationError for one that is to be another."""
        shown = self.to_representation(self.instance)
        for name in self.fixed:
            source = str(self.fields[name].source)
            if source in attributes and str(attributes.pop(source)) != str(shown[name]):
                raise ValidationError({name: ["This stays as it was made."]})
        return attributes

    def update(self, instance: Any, validated_data: dict[str, Any]) -> Any:
        for name, value in validated_data.items():
            setattr(instance, name, value)
        dated = ["updated_at"] if hasattr(instance, "updated_at") else []
        instance.save(update_fields=[*validated_data, *dated])  # what others changed meanwhile stays
        return instance


class Reference(serializers.CharField):
    """Another row, as programs call it: by the attribute named."""

    def __init__(self, attribute: str, **kwargs: Any) -> None:
        super().__init__(max_length=200, **kwargs)
        self.attribute = attribute

    def to_representation(self, value: Any) -> str:
        return str(getattr(value, self.attribute))


class Rows(generics.GenericAPIView):
    """Rows that a caller reads, and changes with the scope `manage`.

    `brief`: the shape for who may do neither; `unique`: the field to blame where there is such a row already.
    """

    rows: ClassVar[type[models.Model]]
    unique: ClassVar[str] = "slug"
    brief: ClassVar[type[serializers.Serializer] | None] = None
    scopes: ClassVar[Mapping[str, frozenset[str]]] = {
        "GET": READ, "POST": MANAGE, "PATCH": MANAGE, "DELETE": MANAGE,
    }  # fmt: skip

    def reached(self) -> Any:
        """The rows within the caller's reach."""
        raise NotImplementedError

    def named(self, name: str) -> dict[str, Any] | None:
        """How a row is found by its name for programs; None: by its id alone."""
        return None

    def get_queryset(self) -> Any:
        if not self.request.auth:  # the schema is drawn without a caller
            return self.rows._default_manager.none()
        return self.reached()

    def get_serializer_class(self) -> Any:
        may = scopes_of(self.request.user, self.rows) if self.request.auth else READ
        return self.serializer_class if may & READ or self.brief is None else self.brief

    @property
    def manages(self) -> bool:
        """Whether the caller may configure, and so sees what is switched off too."""
        return "manage" in scopes_of(self.request.user, self.rows)


class RowList(Rows, generics.ListCreateAPIView):
    """Newest first; POST makes one."""

    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return idempotency.answered(request, self._made)

    def _made(self) -> Response:
        asked = self.get_serializer(data=self.request.data)
        asked.is_valid(raise_exception=True)
        with writing(self.unique):
            made = asked.save()
        row = self.get_queryset().get(pk=made.pk)  # with what the database filled in
        return Response(self.get_serializer(row).data, status=status.HTTP_201_CREATED)


class OneRow(Rows, generics.RetrieveUpdateDestroyAPIView):
    """Read it, change it, archive it."""

    http_method_names = ["get", "patch", "delete", "head", "options"]

    def get_object(self) -> Any:
        return self._found(self.get_queryset())

    def update(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        with writing(self.unique):
            row = self._found(self.to_change())
            self.check_may_change(row)
            asked = self.get_serializer(row, data=request.data, partial=True)
            asked.is_valid(raise_exception=True)
            row = asked.save()
        return Response(self.get_serializer(self.get_queryset().get(pk=row.pk)).data)

    def to_change(self) -> Any:
        """The rows within reach, locked until the change is made."""
        return self.get_queryset().select_for_update(of=("self",))

    def destroy(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        row = self.get_object()
        self.check_may_change(row)
        with writing(self.unique):
            self.remove(row)
        return Response(status=status.HTTP_204_NO_CONTENT)

    def remove(self, row: Any) -> None:
        """Archive it: what was said there keeps pointing at it."""
        self.rows._default_manager.filter(pk=row.pk).update(archived_at=Now())

    def check_may_change(self, row: Any) -> None:
        """Raises PermissionDenied or Conflict."""
        reach.check_manages(actor(self.request), row.workspace_id)

    def _found(self, rows: Any) -> Any:
        found = list(rows.filter(**self._lookup(self.kwargs["name"]))[:2])
        if len(found) > 1:
            raise Conflict("Several of your workspaces have one of this name: use its id.")
        if not found:
            raise Http404
        return found[0]

    def _lookup(self, name: str) -> dict[str, Any]:
        try:
            return {"pk": uuid.UUID(name)}
        except ValueError:
            found = self.named(name)
        if found is None:
            raise Http404
        return found


@contextmanager
def writing(unique: str) -> Iterator[None]:
    """One transaction, in force at once. Raises ValidationError at the field `unique` where there is such a row."""
    try:
        with transaction.atomic():
            yield
            transaction.on_commit(forget)
    except IntegrityError:
        raise ValidationError({unique: ["There is one of this name already; it may be archived."]}) from None
