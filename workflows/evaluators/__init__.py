"""Evaluators: one question asked of a trained model a file, found by name.

An evaluator module has
- `NEEDS`: what a module must offer to be asked, by attribute name;
- `collect(module, data) -> Rows`: what the model answers about this process's share of a split, unit by unit;
- `measure(rows) -> dict[str, float]`: the figures' values alone, of all rows or of a resample;
- `summarize(rows) -> Findings`: the figures with their intervals, by class and other groups.
"""
