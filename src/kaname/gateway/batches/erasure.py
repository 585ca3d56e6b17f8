"""Erases the bytes of a deleted project's files. Their rows are erased with all of SQL, after this store."""

from collections.abc import Mapping
from datetime import datetime

from kaname.gateway.batches.file_store import FileStore


class FileBytes:
    """Implements `access.ports.ProjectStore`."""

    store = "files"

    def __init__(self, files: FileStore) -> None:
        self._files = files

    def count(self, project_id: str) -> Mapping[str, int]:
        """Files of the project."""
        return {"gateway_file_contents": len(self._files.of_project(project_id))}

    def erase(self, project_id: str) -> bool:
        """Deletes the parts of all files."""
        found = self._files.of_project(project_id)
        for file in found:
            self._files.content.delete(file.parts)
        return bool(found)

    def is_settled(self, since: datetime) -> bool:
        """A batch of a deleted project loses its key, and stops within a beat."""
        return True
