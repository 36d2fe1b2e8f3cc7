"""A doctor for datasets: what a folder of Parquet files holds, how it is laid out, and what is wrong with it."""

from datasets.doctor.examination import Examination, Sample, examine, read_samples
from datasets.doctor.flag import Flag
from datasets.doctor.layout import Column, Layout
from datasets.doctor.rows import Split

__all__ = ["Column", "Examination", "Flag", "Layout", "Sample", "Split", "examine", "read_samples"]
