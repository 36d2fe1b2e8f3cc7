"""Searches over recipes. May import workflows and infra."""
