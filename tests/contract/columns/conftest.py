from fixtures_columns import columns, columns_engine, columns_settings

__all__ = ["columns", "columns_engine", "columns_settings"]
