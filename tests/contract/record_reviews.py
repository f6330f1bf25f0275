"""Records what a real Label Studio exports of a project that the scripted reviewer has worked through.

`python -m tests.contract.record_reviews`, when a new Label Studio is taken into the lock: 500 annotations,
as they are, and again after the predictions were removed. Unit tests read it from `reviews.json.gz`.
"""

from __future__ import annotations

import gzip
import json
import tempfile
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from backend.demo.client import LabelStudioClient
from backend.demo.data_folder import start_label_studio
from backend.demo.environment import repository
from backend.label_studio.api import LabelStudioApi
from backend.label_studio.credential import LabelStudioCredential
from backend.plain import Json
from backend.processes.supervisor import Supervisor
from tests.real_reviews import reviewed_project
from tests.reviewer import OURS

RECORDED = Path(__file__).parent / "reviews.json.gz"
ANNOTATIONS = 500


def main() -> None:
    root = repository()
    with tempfile.TemporaryDirectory() as folder, Supervisor() as supervisor:
        label_studio = start_label_studio(
            root / ".venv-label-studio" / "bin" / "label-studio",
            supervisor,
            cache=root / ".cache" / "demo",
            folder=Path(folder) / "data",
        )
        with LabelStudioClient(label_studio) as client:
            done = reviewed_project(client, "Reviewed", ANNOTATIONS)
            rows = client.predictions(done.number)
            before = export(client, done.number)
            token = SecretStr(client.personal_access_token())
            credential = LabelStudioCredential(label_studio.url, token)
            with LabelStudioApi(label_studio.url, credential) as api:
                api.delete_model_version(done.number, OURS)
            after = export(client, done.number)
    kinds = [kind if isinstance(kind, str) else kind.name for kind in done.kinds]
    recorded = {"kinds": kinds, "rows": rows, "before": before, "after": after}
    text = json.dumps(recorded, sort_keys=True).encode()
    RECORDED.write_bytes(gzip.compress(text, mtime=0))


def export(client: LabelStudioClient, project: int) -> list[Json]:
    """The whole project as people download it, without what tells of the machine."""
    path = f"/api/projects/{project}/export?exportType=JSON&download_all_tasks=true"
    found: list[Json] = client.get(path)
    return [{name: one for name, one in task.items() if _is_kept(name, one)} for task in found]


def _is_kept(name: str, value: Any) -> bool:
    return name in ("id", "data", "annotations", "predictions") or bool(value and name == "drafts")


if __name__ == "__main__":
    main()
