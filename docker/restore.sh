#!/usr/bin/env bash
# Puts what docker/backup.sh kept into a compose installation that has no data yet, and starts nothing but PostgreSQL.
#   docker/restore.sh FOLDER
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
folder=$(realpath -m "${1:?name the folder that docker/backup.sh made: docker/restore.sh FOLDER}")
for file in firstpass.tar label-studio.tar env; do
  if ! [ -e "$folder/$file" ]; then
    echo "$folder holds no $file; name a folder that docker/backup.sh made" >&2
    exit 1
  fi
done
# The same secrets again: Label Studio's database knows the token, and Firstpass presents it.
if ! [ -e "$here/.env" ]; then
  (umask 077 && cp "$folder/env" "$here/.env")
elif ! cmp -s "$folder/env" "$here/.env"; then
  echo "$here/.env stays as it is, and differs from $folder/env, whose tokens and passwords the copy knows" >&2
fi
cd "$here"
if [ -n "$(docker compose ps --quiet)" ]; then
  echo "the installation runs; end it first: cd docker && docker compose down" >&2
  exit 1
fi
archive=$(cat archive.py)
alone() { docker compose run --rm -T --no-deps --entrypoint "$@"; }

if [ -e "$folder/redis.rdb" ]; then
  alone sh redis -c "$(cat "$here/restore-redis.sh")" restore-redis /data <"$folder/redis.rdb"
fi
alone python3 courier -c "$archive" unpack /var/lib/firstpass <"$folder/firstpass.tar"
alone python3 label-studio -c "$archive" unpack /label-studio/data <"$folder/label-studio.tar"
if [ -e "$folder/postgres.dump" ]; then
  docker compose up -d --wait postgres
  docker compose exec -T postgres sh -c \
    'pg_restore --exit-on-error --no-owner --username="$POSTGRES_USER" --dbname="$POSTGRES_DB"' <"$folder/postgres.dump"
fi
echo "restored $folder; start with: cd docker && docker compose up -d"
