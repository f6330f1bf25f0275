"""Every command of every page, and which test runs it; or why none can.

A command that is new on a page fails `tests/unit/docs/test_commands.py` until it stands here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

__all__ = ["COMMANDS", "AlsoRun", "AsItStands", "NotRun", "Ran", "commands_run_by"]


@dataclass(frozen=True, slots=True)
class AsItStands:
    """Read from the page and run by the test that is named, which says what it puts in place of what."""

    test: str


@dataclass(frozen=True, slots=True)
class AlsoRun:
    """The same command with other values, typed in the test that is named."""

    test: str


@dataclass(frozen=True, slots=True)
class NotRun:
    """No test runs it; what of it is checked all the same."""

    reason: str


Ran: TypeAlias = AsItStands | AlsoRun | NotRun

OFFLINE = AsItStands("tests/integration/test_page_commands.py::test_it_runs_without_a_server")
#: With a real Redis, and no Label Studio.
REDIS = AsItStands("tests/integration/test_page_commands.py::test_it_runs_beside_a_redis")
STEPS = AsItStands("tests/e2e/test_first_steps.py::test_the_readme_leads_to_predictions")
PROJECT = AsItStands("tests/e2e/test_page_commands.py::test_they_run_on_a_project")
REVIEWED = AsItStands("tests/e2e/test_review.py::test_a_reviewed_project_is_told_exactly")
ORDER = AsItStands("tests/e2e/test_order.py::test_the_page_is_followed_from_order_to_review")
TUNED = AsItStands("tests/e2e/test_tune.py::test_what_people_kept_and_drew_becomes_thresholds")
SEARCHED = AsItStands("tests/e2e/test_search.py::test_a_project_is_indexed_and_searched")
EXPLORED = AsItStands("tests/e2e/test_explore.py::test_a_project_is_explored_and_tidied")
FOLDER_EXPLORED = AsItStands(
    "tests/integration/test_explore.py::test_a_folder_is_explored_against_another"
)
FOLDER_SEARCHED = AsItStands(
    "tests/integration/test_search.py::test_a_folder_is_indexed_and_searched"
)
LEARNED = AsItStands("tests/e2e/test_learn.py::test_a_project_learns_and_forgets")
KEPT = AsItStands("tests/e2e/test_backup.py::test_a_copy_taken_at_work_goes_on_elsewhere")
SECRET = AsItStands(
    "tests/operators/test_kubernetes.py::test_the_pages_secret_holds_what_the_pods_ask_for"
)
UNITS_USE = AsItStands(
    "tests/operators/test_systemd.py::test_a_command_at_the_shell_has_the_settings_of_the_units"
)
PASSWORD = AsItStands(
    "tests/unit/containers/test_pages.py::test_prometheus_is_given_the_password_that_web_has"
)
PULL = AlsoRun("tests/hub/test_walk.py::test_from_an_empty_cache_to_predictions")
TIDY = AlsoRun("tests/e2e/test_tidy.py::test_default_that_we_made_goes_too")
MAKE_ENV = AlsoRun("tests/unit/containers/test_pages.py::test_an_option_of_make_env_is_one")
COPY = AlsoRun("tests/operators/test_backup.py::test_what_is_kept_is_restored")
PICTURES = "tests/images/test_files.py::"

ENGINE = NotRun(
    "needs a container engine, which CI lacks: compose's own parser holds it to the compose files, and "
    "`make image-test` builds and runs the images"
)
CLUSTER = NotRun("needs a cluster: the manifests are held to Kubernetes' schemas")
MACHINE = NotRun(
    "sets up a machine with systemd, as root: what it installs is verified by systemd-analyze"
)
SETS_UP = NotRun("is what sets up and starts the tests themselves")
FETCHES = NotRun("fetches from a registry or a repository of the makers")
LABEL_STUDIO = NotRun(
    "goes on until Ctrl-C: the demo and the tests start the same program with these two variables"
)
INTO = NotRun("goes to a folder of the checkout")

COMMANDS: Mapping[str, Mapping[str, Ran]] = {
    "README.md": {
        "make demo": AlsoRun("tests/e2e/test_demo.py::test_it_measures_reports_and_ends"),
        "make test": SETS_UP,
        "make setup": SETS_UP,
        ". .venv/bin/activate": STEPS,
        "export FIRSTPASS_LABEL_STUDIO_URL=http://localhost:8080": STEPS,
        "export FIRSTPASS_LABEL_STUDIO_API_KEY=...": STEPS,
        "export FIRSTPASS_MODEL=tiny": STEPS,
        "firstpass up": STEPS,
        "firstpass connect --project 3": STEPS,
        "firstpass doctor --project 3": STEPS,
        "firstpass prelabel project 3 --dry-run": STEPS,
        "firstpass prelabel project 3 --report run.html": STEPS,
        "unset FIRSTPASS_MODEL": PULL,
        "firstpass models pull": PULL,
    },
    "docs/backup.md": {
        "docker/backup.sh backup": COPY,
        "[ -e docker/.env ] || cp backup/env docker/.env": ENGINE,
        "cd docker": INTO,
        "docker compose build": ENGINE,
        "docker compose down --volumes": ENGINE,
        "./restore.sh ../backup": COPY,
        "docker compose up -d": ENGINE,
        "umask 077": KEPT,
        "mkdir backup": KEPT,
        "url=$(cat ~/.local/share/firstpass/redis/url); port=${url##*:}; auth=${url#redis://:}": KEPT,
        'REDISCLI_AUTH=${auth%@*} redis-cli -p "${port%/0}" --rdb backup/redis.rdb': KEPT,
        "python3 docker/archive.py pack ~/.local/share/firstpass > backup/firstpass.tar": KEPT,
        "python3 docker/archive.py pack ~/.local/share/label-studio > backup/label-studio.tar": KEPT,
        "python3 docker/archive.py unpack ~/.local/share/firstpass < backup/firstpass.tar": KEPT,
        "mkdir -p -m 700 ~/.local/share/firstpass/redis": KEPT,
        "docker/restore-redis.sh ~/.local/share/firstpass/redis < backup/redis.rdb": KEPT,
        "python3 docker/archive.py unpack ~/.local/share/label-studio < backup/label-studio.tar": KEPT,
    },
    "docs/containers.md": {
        "make image": AlsoRun(
            "tests/unit/containers/test_images.py::test_make_and_compose_build_the_same"
        ),
        "make image TAG=0.1.0 ENGINE=podman": AlsoRun(
            "tests/unit/containers/test_images.py::test_make_and_compose_build_the_same"
        ),
        'make image TORCH_INDEX_URL=https://pypi.org/simple BUILD_ARGS="--build-arg PYTHON_IMAGE=registry.example/python:3.11-slim"': AlsoRun(
            "tests/unit/containers/test_images.py::test_make_and_compose_build_the_same"
        ),
        "cd docker": INTO,
        "docker compose build": ENGINE,
        "docker compose pull label-studio redis": ENGINE,
        "docker save firstpass-web:0.1.0 firstpass-worker:0.1.0 heartexlabs/label-studio:1.23.2 redis:7.4-bookworm | gzip > firstpass.tar.gz": ENGINE,
        "docker compose run --rm --no-deps -T --entrypoint tar worker cz -C /var/cache/huggingface . > models.tar.gz": ENGINE,
        "gunzip -c firstpass.tar.gz | docker load": ENGINE,
        "./make-env.sh": MAKE_ENV,
        "docker compose run --rm --no-deps -T --entrypoint tar worker xz -C /var/cache/huggingface < models.tar.gz": ENGINE,
        "docker compose up -d": ENGINE,
        "make wheels": FETCHES,
        "make image PIP_NO_INDEX=1": AlsoRun(
            "tests/unit/containers/test_images.py::test_make_and_compose_build_the_same"
        ),
    },
    "docs/develop.md": {
        "make setup": SETS_UP,
        "make check": SETS_UP,
        "make test": SETS_UP,
    },
    "docs/evaluate.md": {
        "firstpass evaluate project 3 --report how-good.html": PROJECT,
        "firstpass evaluate folder set/ --format coco": OFFLINE,
        "firstpass evaluate export export.json --images scans/ --config label_config.xml": OFFLINE,
        "firstpass evaluate project 3 --sweep": PROJECT,
    },
    "docs/explore.md": {
        "firstpass index --project 3": SEARCHED,
        "firstpass index --project 3 --watch": AlsoRun(
            "tests/integration/test_search.py::test_a_watched_folder_is_indexed_until_it_is_ended"
        ),
        "firstpass index --images scans/": FOLDER_SEARCHED,
        'firstpass search --project 3 "red star at night"': SEARCHED,
        'firstpass search --project 3 --label star "red" --tab red-stars': SEARCHED,
        "firstpass search --project 3 --like 17 --out like-17.png": SEARCHED,
        'firstpass search --images scans/ "red star"': FOLDER_SEARCHED,
        "firstpass explore --project 3": EXPLORED,
        "firstpass explore --project 3 --report explored.html": EXPLORED,
        "firstpass explore --project 3 --only copies,outliers --tab": EXPLORED,
        "firstpass explore --images scans/ --against old-scans/": FOLDER_EXPLORED,
    },
    "docs/interactive.md": {
        "firstpass phrases --project 3": PROJECT,
        'firstpass phrases add --project 3 Car "red cars"': PROJECT,
        'firstpass phrases remove --project 3 Car "red cars"': PROJECT,
    },
    "docs/kubernetes.md": {
        "secrets=$(mktemp -d)": SECRET,
        "for name in redis-password basic-auth-pass webhook-secret; do\n  od -An -N24 -tx1 /dev/urandom | tr -d ' \\n' > \"$secrets/$name\"\ndone": SECRET,
        'cp token "$secrets/label-studio-api-key"': SECRET,
        "kubectl create namespace firstpass": SECRET,
        'kubectl create secret generic firstpass --namespace firstpass --from-file="$secrets"': SECRET,
        'rm -r "$secrets"': SECRET,
        "kubectl apply -k docker/kubernetes/base": CLUSTER,
        "kubectl label namespace label-studio firstpass-client=true": CLUSTER,
        "kubectl wait --namespace firstpass --for=condition=complete job/firstpass-models --timeout=30m": CLUSTER,
        "kubectl rollout status --namespace firstpass deployment/firstpass-worker": CLUSTER,
        "kubectl exec --namespace firstpass deployment/firstpass-courier -- firstpass status": CLUSTER,
        "kubectl exec --namespace firstpass deployment/firstpass-courier -- firstpass connect --project 3": CLUSTER,
        "kubectl exec -n firstpass deployment/firstpass-courier -- firstpass drain --all": CLUSTER,
        "kubectl delete -n firstpass job/firstpass-models": CLUSTER,
        "kubectl rollout status -n firstpass deployment/firstpass-worker": CLUSTER,
        "kubectl exec -n firstpass deployment/firstpass-courier -- firstpass drain --undo": CLUSTER,
    },
    "docs/label-configs.md": {
        "firstpass plan label_config/demo.xml": OFFLINE,
    },
    "docs/monitoring.md": {
        "cd docker/monitoring": INTO,
        '(umask 077; sed -n "s/^FIRSTPASS_BASIC_AUTH_PASS=//p" ../.env | tr -d "\\"\'\\n" > firstpass-password)\npromtool check config prometheus.yml\nprometheus --config.file=prometheus.yml --web.listen-address=127.0.0.1:9091': PASSWORD,
    },
    "docs/operate.md": {
        "firstpass status": REDIS,
        "firstpass status --failed": REDIS,
        "firstpass doctor --project 3": PROJECT,
        "firstpass owed": REDIS,
        "firstpass retry": REDIS,
        "firstpass retry --kind ImageUnreachable": REDIS,
        "firstpass retry 3fa9c2d1": REDIS,
        "firstpass owed --project 4 --drop": REDIS,
        "firstpass owed 12 17 --project 4 --drop": REDIS,
    },
    "docs/postgres.md": {
        "cd docker": INTO,
        "./make-env.sh --postgres": MAKE_ENV,
        "docker compose up -d": ENGINE,
        "firstpass status --redis-url redis://localhost:6379/0": REDIS,
    },
    "docs/prelabel.md": {
        "firstpass prelabel project 3 --dry-run": PROJECT,
        "firstpass prelabel project 3 --report run.html": PROJECT,
        'firstpass prelabel project 3 --filter \'{"conjunction": "and", "items": [\n  {"filter": "filter:tasks:data.image", "operator": "contains", "type": "String", "value": "/camera-2/"}]}\'': PROJECT,
        "firstpass prelabel folder scans/ --config label_config.xml --out tasks.json": OFFLINE,
        "firstpass prelabel folder scans/ --config label_config.xml --format yolo --split 0.9 --out dataset/": OFFLINE,
    },
    "docs/learn.md": {
        "firstpass tune --project 3": TUNED,
        "firstpass tune --project 3 --apply": TUNED,
        "firstpass tune --project 3 --undo": TUNED,
        "firstpass learn --project 3": LEARNED,
        "firstpass learn --project 3 --apply": LEARNED,
        "firstpass learn --project 3 --forget": LEARNED,
    },
    "docs/review.md": {
        "firstpass tabs --project 3": PROJECT,
        "firstpass connect --project 3 --review-order": PROJECT,
        "firstpass order --project 3": ORDER,
        "firstpass order --project 3 --columns": AlsoRun(
            "tests/e2e/test_order.py::test_label_tasks_as_displayed_serves_exactly_this_order"
        ),
        "firstpass order --project 3 --sample 200": ORDER,
        "firstpass review --project 3 --sample": ORDER,
        "firstpass tidy --project 3": TIDY,
        "firstpass doctor --project 3": PROJECT,
        "firstpass doctor --project 3 --remove-broken-tabs": PROJECT,
        "firstpass review --project 3 --report review.html": REVIEWED,
    },
    "docs/review-loop.md": {
        "firstpass demo --reviewer": AlsoRun(
            "tests/e2e/test_demo.py::test_the_review_loop_leaves_less_to_do"
        ),
    },
    "docs/start.md": {
        "make setup TORCH_INDEX_URL=https://download.pytorch.org/whl/cpu": SETS_UP,
        "ML_BLOCK_LOCAL_IP=false SSRF_PROTECTION_ENABLED=false .venv-label-studio/bin/label-studio start": LABEL_STUDIO,
        "firstpass models list": OFFLINE,
        "firstpass models pull": PULL,
        "firstpass models check --verify": OFFLINE,
        'firstpass predict photo.jpg --labels "car,person" --choices "street,indoor" --out boxes.png': OFFLINE,
        "firstpass connect --project 3": PROJECT,
        "firstpass doctor --project 3": PROJECT,
        "firstpass prelabel project 3 --all": PROJECT,
        "firstpass prune --project 3": PROJECT,
    },
    "docs/systemd.md": {
        "useradd --system --home-dir /var/lib/firstpass --shell /usr/sbin/nologin firstpass": MACHINE,
        "python3 -m venv /opt/firstpass": MACHINE,
        "/opt/firstpass/bin/pip install --no-deps --require-hashes -r requirements.lock": MACHINE,
        "/opt/firstpass/bin/pip install -r requirements-torch.txt": MACHINE,
        "/opt/firstpass/bin/pip install --no-deps --no-build-isolation .": MACHINE,
        "install -d -m 700 /etc/firstpass": MACHINE,
        "install -m 600 docker/systemd/firstpass.env.example /etc/firstpass/firstpass.env": MACHINE,
        "install -m 600 /dev/null /etc/firstpass/label-studio-key": MACHINE,
        "install -m 644 docker/systemd/*.service docker/systemd/*.target /etc/systemd/system/": MACHINE,
        "install -d -o firstpass -g firstpass -m 750 /var/cache/firstpass": MACHINE,
        "setpriv --reuid=firstpass --regid=firstpass --clear-groups env HF_HOME=/var/cache/firstpass /opt/firstpass/bin/firstpass models pull": MACHINE,
        "systemctl daemon-reload": MACHINE,
        "systemctl enable --now firstpass.target firstpass-web firstpass-courier firstpass-worker@1": MACHINE,
        'firstpass() (\n  set -a\n  . /etc/firstpass/firstpass.env\n  FIRSTPASS_HOME=/var/lib/firstpass\n  FIRSTPASS_RUNS_IN=systemd\n  FIRSTPASS_LABEL_STUDIO_API_KEY_FILE=/etc/firstpass/label-studio-key\n  HF_HOME=/var/cache/firstpass\n  exec /opt/firstpass/bin/firstpass "$@"\n)': UNITS_USE,
        "firstpass connect --project 3": UNITS_USE,
        "firstpass doctor --project 3": UNITS_USE,
        "firstpass status": UNITS_USE,
        "systemd-analyze verify docker/systemd/*.service docker/systemd/firstpass.target": AlsoRun(
            "tests/operators/test_systemd.py::test_systemd_takes_every_unit"
        ),
        "systemd-analyze security --offline=true docker/systemd/firstpass-web.service": AlsoRun(
            "tests/operators/test_systemd.py::test_a_unit_is_exposed_to_little"
        ),
    },
    "docs/updates.md": {
        "docker compose exec web firstpass drain --all": ENGINE,
        "git pull": FETCHES,
        "./make-env.sh": MAKE_ENV,
        "docker compose up -d --build": ENGINE,
        "docker compose exec web firstpass drain --undo": ENGINE,
        "firstpass drain --all": REDIS,
        "firstpass drain --undo": REDIS,
    },
    "docker/README.md": {
        "cd docker": INTO,
        "./make-env.sh": MAKE_ENV,
        "docker compose build": ENGINE,
        "docker compose run --rm worker models pull florence-2-base clip-vit-b-32": ENGINE,
        "docker compose up -d": ENGINE,
        "docker compose exec web firstpass connect --project 3": ENGINE,
        "mkdir -p files/scans": INTO,
        'docker compose run --rm --no-deps --user "$(id -u):$(id -g)" -v "$PWD/files:/files" -w /files -e FIRSTPASS_HOME=/files/.firstpass worker predict --model tiny scans/scene.png --labels "red circle" --out boxes.png': AlsoRun(
            PICTURES + "test_predict_writes_a_picture_that_belongs_to_who_asked"
        ),
        'docker compose run --rm --no-deps --user "$(id -u):$(id -g)" -v "$PWD/files:/files" -w /files -e FIRSTPASS_HOME=/files/.firstpass worker prelabel folder scans --config label_config.xml --out tasks.json --report run.html': AlsoRun(
            PICTURES + "test_prelabel_writes_a_file_that_belongs_to_who_asked"
        ),
        'docker compose run --rm --user "$(id -u):$(id -g)" -v "$PWD/files:/files" -w /files -e FIRSTPASS_HOME=/files/.firstpass worker prelabel project 3 --report run.html': ENGINE,
    },
}


def commands_run_by(way: Ran) -> list[str]:
    """The commands that this test is to run, in the order of the pages, each once."""
    found = (name for page in COMMANDS.values() for name, ran in page.items() if ran == way)
    return list(dict.fromkeys(found))
