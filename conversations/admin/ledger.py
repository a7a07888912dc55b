"""Lists and forms of the ledger: rows to read, newest first, never counted."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.contrib.admin.views.main import ChangeList
from django.http import HttpRequest

from bots.admin import theme
from bots.admin.scoped import ScopedModelAdmin


class ReadOnly:
    """Rows of the ledger are never edited here."""

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class Uncounted(ChangeList):
    """One page of a list, filled in by its admin at once; there is a next one, nobody knows how many.

    Its ids are asked for first: a late page skips thousands of rows, which are not to be joined with others before.
    """

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        ids = list(self.result_list.values_list("pk", flat=True))
        rows = list(self.queryset.filter(pk__in=ids))
        self.result_list: Any = rows
        self.result_count = len(rows)  # so that no action is offered for "all" of them
        admin: Any = self.model_admin
        admin.complete(rows)


class LedgerAdmin(ScopedModelAdmin):
    """A list that stays quick however long it is: ordered by id, which grows with time, and by nothing else."""

    paginator = theme.InfinitePaginator
    list_per_page = 40
    list_max_show_all = 0
    ordering = ("-pk",)
    sortable_by = ()

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> Any:
        return Uncounted

    def complete(self, rows: Sequence[Any]) -> None:
        """Give the rows of a page what their columns need beside themselves, in a query each for all of them."""
