#!/usr/bin/env bash
# Writes docker/.env with fresh secrets, readable by its owner alone; never touches one that is there.
#   docker/make-env.sh [E-MAIL OF THE FIRST LABEL STUDIO USER]
set -euo pipefail
file=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)/.env
if [ -e "$file" ]; then
  echo "$file is there already; nothing changed" >&2
  exit 1
fi
secret() { od -An -N"$1" -tx1 /dev/urandom | tr -d ' \n'; }
token=$(secret 20)
umask 077
cat >"$file" <<EOF
# Secrets of this installation, read by docker/compose.yaml. What else may stand here is described there.
LABEL_STUDIO_USERNAME=${1:-admin@example.com}
LABEL_STUDIO_PASSWORD=$(secret 12)
LABEL_STUDIO_USER_TOKEN=$token
LABEL_STUDIO_API_KEY=$token
REDIS_PASSWORD=$(secret 24)
FIRSTPASS_BASIC_AUTH_USER=label-studio
FIRSTPASS_BASIC_AUTH_PASS=$(secret 16)
FIRSTPASS_WEBHOOK_SECRET=$(secret 16)
EOF
echo "wrote $file; the Label Studio login is in it"
