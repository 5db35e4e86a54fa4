"""Request and Response: values over messages, for views and Django's hooks around them.

::

    from pipeline.requests import JsonResponse, Request, Response

    def hello(request: Request) -> Response:
        return Response(f"Hello, {request.query.get('name', 'you')}!")

A request comes from a message of any transport; over HTTP it has method, path, headers and body. A
response becomes the reply. There is no streaming: a response is a message.
"""

from __future__ import annotations

from pipeline.requests.headers import Headers
from pipeline.requests.request import Request, UploadedFile
from pipeline.requests.response import JsonResponse, RedirectResponse, Response, TemplateResponse
from pipeline.requests.values import Values

__all__ = [
    "Headers",
    "JsonResponse",
    "RedirectResponse",
    "Request",
    "Response",
    "TemplateResponse",
    "UploadedFile",
    "Values",
]
