"""Tests of pipeline.transports.websocket."""
