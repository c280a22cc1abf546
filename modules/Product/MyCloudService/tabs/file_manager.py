"""The file manager tab: list a folder, download, upload, add folders, delete."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from io import BytesIO
from pathlib import PurePosixPath
from typing import IO, Any
from urllib.parse import urlencode

from flask import flash, redirect, send_file
from flask import request as current_request

from puqpanel.sdk import Product, Request, __, abort, db, noop__
from puqpanel.sdk.http import Answer

from ..models.cloud import CloudServer
from ..services import files
from ..services.cloud_api import CloudAPIClient

UNAVAILABLE = noop__("The provider is temporarily unavailable. Try again in a minute.")
NO_FOLDER = noop__("Folder not found.")


class FileManager(Product):
    """The tab `files`, and what all tabs share."""

    def variables_files(self) -> dict[str, Any]:
        """Return the entries of a folder and the path to it.

        If the provider does not respond, no second request is sent for the usage.
        """
        path = self._path(current_request.args.get("path", ""))
        response = self._client().files(self.service_data["username"], files.join(path))
        if response.http_code in (404, 422) or (response.ok and response.data is None):
            abort(404, __(NO_FOLDER))
        parents = [part for part in reversed([path, *path.parents]) if part.name]
        entries = None
        if response.ok:
            entries = [self._row(path, entry) for entry in response.data["entries"]]
        return {
            "entries": entries,
            "path": files.join(path),
            "crumbs": [(part.name, urlencode({"path": str(part)})) for part in parents],
            "api": self._api("files"),
            "usage": self._usage() if response.ok else None,
            "max_upload": files.MAX_UPLOAD_TEXT,
        }

    def _row(self, path: PurePosixPath, entry: dict[str, Any]) -> dict[str, Any]:
        """Return what the page shows of a file or folder."""
        name, is_folder = entry["name"], entry["type"] == "folder"
        query = urlencode({"path": files.join(path, name)})
        return {
            "name": name,
            "is_folder": is_folder,
            "icon": "folder" if is_folder else "file",
            "address": f"?{query}" if is_folder else f"{self._api('files')}/get?{query}",
            "size": None if is_folder else entry["size"],
            "changed_at": datetime.fromisoformat(entry["changed_at"]),
        }

    def controller_client_files_get(self, request: Request) -> Any:
        """Send a file as a download, never as a page of the panel."""
        path = self._path(request.args.get("path", ""))
        response = self._client().files(self.service_data["username"], files.join(path))
        if not response.ok and response.http_code not in (404, 422):
            abort(503, __(UNAVAILABLE))
        if not response.ok or response.data is not None:
            abort(404, __("File not found."))
        return send_file(
            BytesIO(response.content),
            "application/octet-stream",
            as_attachment=True,
            download_name=files.download_name(path.name),
        )

    def controller_client_files_upload(self, request: Request) -> Any:
        """Write the uploaded file; overwrite another only if "Replace" is ticked."""
        file = request.files.get("file")
        if file is None:
            return self._change(request, lambda *_: __(files.NO_NAME), "")
        disposition = file.headers.get("Content-Disposition", "")
        name = files.upload_name(file.filename or "", disposition)
        problem = files.name_problem(name)
        if not problem and _size(file.stream) > files.MAX_UPLOAD_BYTES:
            values = {"name": name, "limit": files.MAX_UPLOAD_TEXT}
            problem = __(":name is too large. The limit is :limit.", values)

        def write(client: CloudAPIClient, username: str, path: PurePosixPath) -> Answer | str:
            folder = client.files(username, files.join(path))
            if not folder.ok or folder.data is None:
                return folder
            types = {entry["name"]: entry["type"] for entry in folder.data["entries"]}
            if types.get(name) == "folder":
                return __(":name is a folder.", {"name": name})
            if name in types and not request.form.get("replace"):
                return __(
                    ":name already exists. To overwrite it, select “Replace a file with the same"
                    " name”.",
                    {"name": name},
                )
            return client.write(username, files.join(path, name), file.read())

        return self._change(request, write, __(":name uploaded.", {"name": name}), problem)

    def controller_client_files_folder(self, request: Request) -> Any:
        """Create a folder in the open one."""
        name = request.form.get("name", "").strip(" ")
        return self._change(
            request,
            lambda client, username, path: client.make_folder(username, files.join(path, name)),
            __("Folder :name created.", {"name": name}),
            files.name_problem(name),
        )

    def controller_client_files_remove(self, request: Request) -> Any:
        """Delete a file or an empty folder."""
        name = request.form.get("name", "")
        return self._change(
            request,
            lambda client, username, path: client.remove(username, files.join(path, name)),
            __(":name deleted.", {"name": name}),
            __(files.NO_NAME) if not name or "/" in name or name in (".", "..") else "",
        )

    def _change(
        self,
        request: Request,
        change: Callable[[CloudAPIClient, str, PurePosixPath], Answer | str],
        success: str,
        problem: str = "",
    ) -> Any:
        """Change something in the open folder unless there is a problem, then show the folder.

        Args:
            request: A POST that names the folder.
            change: Returns the provider's response, or a problem as a sentence.
            success: The sentence to show on success.
            problem: Why nothing is to be changed.
        """
        if request.method != "POST":
            abort(405)
        path = self._path(request.form.get("path", ""))
        response = problem or change(self._client(), self.service_data["username"], path)
        problem = _problem(response)
        flash(problem or success, "bad" if problem else "good")
        query = urlencode({"path": files.join(path)})
        return redirect(f"/client/services/{self.service_uuid}/files?{query}")

    def _path(self, text: str) -> PurePosixPath:
        try:
            return files.parse_path(text)
        except LookupError:
            abort(404, __(NO_FOLDER))

    def _usage(self) -> dict[str, Any] | None:
        response = self._client().usage(self.service_data["username"])
        return response.data if response.ok else None

    def _client(self) -> CloudAPIClient:
        return CloudAPIClient(self._server() or abort(404))

    def _server(self) -> CloudServer | None:
        """Return the server that hosts the service's account."""
        uuid = self.service_data.get("server_uuid") or ""
        server: CloudServer | None = db.session.get(CloudServer, uuid)
        return server

    def _api(self, tab: str) -> str:
        return f"/client/services/{self.service_uuid}/{tab}/api"


def _problem(response: Answer | str) -> str:
    """Return why a change failed, or an empty string."""
    if isinstance(response, str):
        return response
    if response.ok:
        return "" if response.data is not None else __(NO_FOLDER)
    error = response.data.get("error") if isinstance(response.data, dict) else ""
    return str(error or __(UNAVAILABLE))


def _size(stream: IO[bytes]) -> int:
    """Return the stream's size in bytes and rewind it."""
    size = stream.seek(0, 2)
    stream.seek(0)
    return size
