#!/usr/bin/env bash
# Keeps all that a compose installation holds in a new folder, while it runs. docs/backup.md says more.
#   docker/backup.sh FOLDER
# Overlays count where COMPOSE_FILE names them, in docker/.env or around this command.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
folder=$(realpath -m "${1:?name a new folder: docker/backup.sh FOLDER}")
if [ -e "$folder" ]; then
  echo "$folder is there already; name a new folder" >&2
  exit 1
fi
umask 077
part=$folder.part
mkdir "$part"
trap 'rm -rf "$part"' EXIT
cd "$here"
archive=$(cat archive.py)
services=$(docker compose config --services)
has() { grep -qx "$1" <<<"$services"; }

# Redis first and Label Studio last: a prediction that reaches Label Studio in between is owed in the one and stored
# in the other, and the courier finds it there. The other way round it would be in neither.
if has redis; then # else it is one of yours, and so is its backup
  docker compose exec -T redis sh -c \
    'f=$(mktemp) && redis-cli --rdb "$f" >/dev/null && cat "$f"; s=$?; rm -f "$f"; exit $s' >"$part/redis.rdb"
fi
docker compose exec -T courier python3 -c "$archive" pack /var/lib/firstpass >"$part/firstpass.tar"
if has postgres; then
  docker compose exec -T postgres sh -c 'pg_dump --format=custom --username="$POSTGRES_USER" "$POSTGRES_DB"' >"$part/postgres.dump"
fi
docker compose exec -T label-studio python3 -c "$archive" pack /label-studio/data >"$part/label-studio.tar"
cp "$here/.env" "$part/env"

mv "$part" "$folder"
trap - EXIT
du -sh "$folder"
