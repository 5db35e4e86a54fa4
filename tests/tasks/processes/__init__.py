"""Tests of pipeline.tasks.processes."""
