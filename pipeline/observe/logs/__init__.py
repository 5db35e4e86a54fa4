"""The log: for a person a line of text, for a program an object of JSON, with what was in hand."""

from pipeline.observe.logs.begin import json_logger, text_logger

__all__ = ["json_logger", "text_logger"]
