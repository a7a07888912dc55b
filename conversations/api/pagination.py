from rest_framework.pagination import CursorPagination


class NewestFirst(CursorPagination):
    """Pages by key: UUIDv7 keys grow with time, and no page costs more than another."""

    ordering = "-id"
    page_size = 50
    page_size_query_param = "limit"
    max_page_size = 200


class BySeq(NewestFirst):
    """A conversation's messages, oldest first."""

    ordering = "seq"
