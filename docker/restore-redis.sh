#!/bin/sh
# Puts a copy that `redis-cli --rdb` made where a Redis or Valkey with an append-only file looks for its data:
# such a server reads no dump.rdb, but takes the copy as the first part of that file.
#   docker/restore-redis.sh FOLDER < redis.rdb        FOLDER is the server's `dir`, empty, and nobody runs there
set -eu
cd "$1"
if [ -n "$(ls -A)" ]; then
  echo "$1 is not empty; a Redis keeps its data there. Restore into an empty folder" >&2
  exit 1
fi
mkdir appendonlydir
cat >appendonlydir/appendonly.aof.1.base.rdb
if [ "$(head -c 5 appendonlydir/appendonly.aof.1.base.rdb)" != REDIS ] &&
   [ "$(head -c 6 appendonlydir/appendonly.aof.1.base.rdb)" != VALKEY ]; then
  rm -r appendonlydir
  echo "what came is no copy that \`redis-cli --rdb\` made" >&2
  exit 1
fi
echo "file appendonly.aof.1.base.rdb seq 1 type b" >appendonlydir/appendonly.aof.manifest
