"""What the data means and where it comes from: lineage derived from the definitions, and its way to DataHub."""

from metadata.datahub import Emitted, emit

__all__ = ["Emitted", "emit"]
