"""What the embedded engine is told at its start: small caches, few threads, no logs of its own, everything fsynced."""

from pathlib import Path
from xml.sax.saxutils import escape

from kaname.storage.columns_settings import ColumnsSettings

_MIB = 1 << 20


def write_config(path: Path, settings: ColumnsSettings) -> None:
    """Writes the engine's configuration file (readable by its owner only)."""
    body = "".join(f"  <{name}>{escape(str(value))}</{name}>\n" for name, value in _server_settings(settings).items())
    tables = "".join(f"    <{name}>{value}</{name}>\n" for name, value in _TABLE_SETTINGS.items())
    path.write_text(f"<clickhouse>\n{body}  <merge_tree>\n{tables}  </merge_tree>\n</clickhouse>\n", encoding="utf-8")
    path.chmod(0o600)


def base_settings(settings: ColumnsSettings) -> dict[str, str]:
    """Settings of every statement unless it brings its own."""
    return {
        "implicit_select": "0",
        "allow_introspection_functions": "0",
        "log_queries": "0",
        "max_memory_usage": str(settings.max_query_memory_bytes),
        "max_execution_time": f"{settings.query_timeout_s:g}",
        # Spills before the memory bound, so that a large aggregation gets slower instead of failing.
        "max_bytes_before_external_group_by": str(settings.max_query_memory_bytes // 2),
        "max_bytes_before_external_sort": str(settings.max_query_memory_bytes // 2),
        # One insert is one block is one part per partition: parallel parsing would cut it into pieces, and costs CPU.
        "input_format_parallel_parsing": "0",
        "min_insert_block_size_rows": "4194304",
        "max_insert_block_size": "4194304",
        "min_insert_block_size_bytes": str(settings.max_request_bytes * 4),
        "output_format_parallel_formatting": "0",
    }


def _server_settings(settings: ColumnsSettings) -> dict[str, object]:
    return {
        "max_server_memory_usage": settings.max_memory_bytes,
        "mark_cache_size": 64 * _MIB,
        "index_mark_cache_size": 32 * _MIB,
        "primary_index_cache_size": 64 * _MIB,
        "uncompressed_cache_size": 0,
        "index_uncompressed_cache_size": 0,
        "mmap_cache_size": 0,
        "text_index_tokens_cache_size": 16 * _MIB,
        "text_index_header_cache_size": 32 * _MIB,
        "text_index_postings_cache_size": 64 * _MIB,
        "query_condition_cache_size": 16 * _MIB,
        "compiled_expression_cache_size": 16 * _MIB,
        "parquet_metadata_cache_size": _MIB,
        "vector_similarity_index_cache_size": _MIB,
        "iceberg_metadata_files_cache_size": _MIB,
        "background_pool_size": max(1, settings.merge_threads),
        "background_common_pool_size": 2,
        "background_schedule_pool_size": 2,
        "merges_mutations_memory_usage_soft_limit": settings.max_memory_bytes // 2,
        "max_thread_pool_size": 256,
        "max_thread_pool_free_size": 8,
        "max_io_thread_pool_size": 16,
        "max_io_thread_pool_free_size": 2,
    }


_TABLE_SETTINGS: dict[str, object] = {
    # Durable without being asked, for inserts and for merges: the rows that a merge replaces are deleted afterwards.
    "fsync_after_insert": 1,
    "fsync_part_directory": 1,
    "min_compressed_bytes_to_fsync_after_merge": 1,
    "min_rows_to_fsync_after_merge": 1,
    # Replaced parts go after a minute or two instead of eight and more: half the disk, and deletions leave it soon.
    "old_parts_lifetime": 60,
    "cleanup_delay_period": 10,
    "max_cleanup_delay_period": 30,
    "merge_tree_clear_old_parts_interval_seconds": 10,
    # Number of free pool slots below which big merges and mutations wait; the defaults are for pools of 16 and more.
    "number_of_free_entries_in_pool_to_lower_max_size_of_merge": 1,
    "number_of_free_entries_in_pool_to_execute_mutation": 1,
    "number_of_free_entries_in_pool_to_execute_optimize_entire_partition": 1,
}
