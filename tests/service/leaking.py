"""An application that says all it knows, and fails; for the tests of the log."""

from __future__ import annotations

import logging
import os
from typing import Any

from pipeline.applications.base import Application

SECRETS = ("REDIS_PASSWORD", "SIGNING_KEY", "SEAL_KEY", "TOKEN")


class Leaking(Application):
    """Logs every secret there is, in all ways, and raises an error that has them."""

    def consume_user_message(self, message: Any) -> None:
        secrets = [os.environ[name] for name in SECRETS]
        self.log.debug("I know {secrets}", secrets=secrets)
        self.log.info("from {who}", who=message["content"])
        logging.getLogger("library").warning("at redis://ada:pw@host: %r", self.config)
        try:
            raise ValueError(f"keys: {secrets}; Authorization: Basic YWRhOnNlc2FtZQ==")
        except ValueError:
            self.log.failure("oh")
            raise
