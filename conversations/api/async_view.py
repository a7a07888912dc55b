"""A DRF view whose handlers are coroutines: what waits for a model holds no thread and no connection."""

from __future__ import annotations

from typing import Any

from asgiref.sync import markcoroutinefunction
from django.http import HttpRequest, HttpResponseBase
from rest_framework.views import APIView

from bots.threads import in_thread


class AsyncAPIView(APIView):
    """As APIView. Authentication, permissions and the body's parsing run on a database thread, the handler does not."""

    @classmethod
    def as_view(cls, **initkwargs: Any) -> Any:
        view = super().as_view(**initkwargs)
        markcoroutinefunction(view)
        return view

    async def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:  # type: ignore[override]
        self.args, self.kwargs = args, kwargs
        self.request = self.initialize_request(request, *args, **kwargs)
        self.headers = self.default_response_headers
        try:
            await in_thread(self._begin)
            name = (self.request.method or "").lower()
            handler = getattr(self, name, self.http_method_not_allowed)
            answer = handler(self.request, *args, **kwargs)
            response = await answer if hasattr(answer, "__await__") else answer
        except Exception as error:  # noqa: BLE001  DRF's own dispatch does the same: the handler tells faults of ours apart
            response = self.handle_exception(error)
        self.response = self.finalize_response(self.request, response, *args, **kwargs)
        return self.response

    def _begin(self) -> None:
        self.initial(self.request, *self.args, **self.kwargs)
        if self.request.method in ("POST", "PUT", "PATCH"):
            _ = self.request.data
