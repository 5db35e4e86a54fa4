"""Asking what is known about an exception, and showing it to who develops.

A service that searches is an :class:`~pipeline.interfaces.ISearchService`; what it finds are
:class:`~pipeline.search.findings.Finding`.
"""
