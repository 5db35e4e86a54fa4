"""Which tests are left out where only those are wanted that are done within two minutes."""

from __future__ import annotations

import os

__all__ = ["SKIP"]

#: For a class's ``skip``: why it isn't run, for the report; None: it is. Those are left out that
#: start processes of their own, load a machine, or drive a browser.
SKIP = "PIPELINE_QUICK is set" if os.environ.get("PIPELINE_QUICK") else None
