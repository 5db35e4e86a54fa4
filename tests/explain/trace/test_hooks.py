"""Hooks around views are recorded as they run."""

from __future__ import annotations

from typing import Any

from twisted.trial.unittest import TestCase

from pipeline.explain.trace.happening import Happening
from tests.explain.trace.hooked import HERE
from tests.explain.trace.samples import traced

SITE = f"""\
redis: memory://
workers:
  site:
    class: pipeline.applications.requests.RequestApplication
    transport_name: web
    routes: [{{view: {HERE}.view}}]
    middleware: [{HERE}.Guard, {HERE}.polite]
"""


class Hooks(TestCase):
    """Around a view, in their order."""

    async def steps(self, content: str) -> list[Happening]:
        found = await traced(content, text=SITE, handle=True, patience=30)
        self.assertTrue(found.is_whole)
        return [each for each in found.happened if each.what in ("hook", "view")]

    def changes(self, step: Happening) -> list[tuple[str, Any]]:
        return [(change.path, change.after) for change in step.changes]

    async def test_order(self) -> None:
        """Hooks go down, the view is called, hooks come up; each with its name and place."""
        steps = await self.steps("hi")
        self.assertEqual(
            [
                f"{HERE}.Guard process_request",
                f"{HERE}.polite layer",
                "view view",
                f"{HERE}.Guard process_response",
            ],
            [f"{step.name} {step.method}" for step in steps],
        )
        for step in steps:
            self.assertRegex(step.at, r"^tests/explain/trace/hooked\.py:\d+$")
            self.assertEqual(("site", "web", "passed"), (step.worker, step.connector, step.result))

    async def test_changes(self) -> None:
        """Each has what it has changed itself, a layer not what is within it; cookies are not
        shown."""
        guard, polite, view, after = await self.steps("hi")
        self.assertEqual(
            [("request.headers.Cookie", "<8 characters>"), ("request.guarded", True)],
            self.changes(guard),
        )
        self.assertEqual(
            [("request.asked", "nicely"), ("response.content", "you said hi, please")],
            self.changes(polite),
        )
        self.assertEqual(["response"], [path for path, _ in self.changes(view)])
        self.assertEqual(
            {("response.headers.X-Guard", "yes"), ("response.cookies.token", "<6 characters>")},
            set(self.changes(after)),
        )
        self.assertNotIn("s3cret", repr([step.as_json() for step in (guard, polite, view, after)]))

    async def test_answers(self) -> None:
        """A hook that answers ends the phase."""
        guard, after = await self.steps("stop")
        self.assertEqual(("answered", "with <Response 403>"), (guard.result, guard.detail))
        self.assertEqual("process_response", after.method)

    async def test_status(self) -> None:
        """An exception that says a status is an answer, and no failure; those above it see what it
        comes to."""
        guard, after = await self.steps("deny")
        self.assertEqual(("answered", "PermissionDenied: not you"), (guard.result, guard.detail))
        self.assertIn(("response.headers.X-Guard", "yes"), self.changes(after))

    async def test_error(self) -> None:
        """Any other is an error of whoever raised it."""
        guard, _ = await self.steps("crash")
        self.assertEqual(("error", "KeyError: 'oh'"), (guard.result, guard.detail))
        self.flushLoggedErrors(KeyError)

    async def test_not_handled(self) -> None:
        """Without ``handle`` no hook is called."""
        found = await traced("hi", text=SITE)
        self.assertEqual(["reached", "settled"], [each.what for each in found.happened])
