"""docs/task-states.md is true."""

from __future__ import annotations

import ast
import re

from twisted.trial.unittest import SynchronousTestCase

from pipeline import tasks
from pipeline.config.settings import NamespaceConfig
from pipeline.tasks.handle import TaskHandle
from pipeline.tasks.registry import Task
from pipeline.tasks.states import reading
from pipeline.tasks.states.status import STATES, TaskStatus
from tests.service.support import ROOT

PAGE = (ROOT / "docs" / "task-states.md").read_text(encoding="utf-8")
CODE = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)


class Page(SynchronousTestCase):
    """What the page says is there."""

    def test_states(self) -> None:
        """The table has the states, in their order."""
        self.assertEqual(list(STATES), re.findall(r"^\| `(\w+)` \|", PAGE, re.MULTILINE))

    def test_fields(self) -> None:
        """Every field of a status is named."""
        for name in TaskStatus.__struct_fields__:
            self.assertIn(f"`{name}`" if name != "state" else "status.state", PAGE)

    def test_code(self) -> None:
        """The examples are Python, and import only what is there."""
        for block in CODE:
            for node in ast.walk(ast.parse(block)):
                if not isinstance(node, ast.ImportFrom) or node.module == "datetime":
                    continue
                home = reading if node.module == reading.__name__ else tasks
                self.assertEqual([], [a.name for a in node.names if not hasattr(home, a.name)])

    def test_options(self) -> None:
        """The options of a call, what a handle does and the default are as it says."""
        others = {"task", "state", "count", "tzinfo", "queue"}
        said = set(re.findall(r"(\w+)=", "".join(CODE))) - others
        taken = set(Task.send_with_options.__annotations__) | {"minutes", "reentrant"}
        self.assertEqual(set(), said - taken)
        self.assertTrue(callable(TaskHandle.status) and callable(TaskHandle.cancel))
        self.assertEqual(3600, NamespaceConfig().keep_task_states)
