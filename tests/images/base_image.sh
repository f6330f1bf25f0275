#!/usr/bin/env bash
# Says which base image the build can take: the one named, if it is there or can be pulled; else, on Debian with
# debootstrap and as root, one made of Debian's packages under a local name.
#   tests/images/base_image.sh ENGINE IMAGE
set -euo pipefail
engine=$1 image=$2 own=localhost/firstpass-base:bookworm
has() { "$engine" inspect --type image "$1" >/dev/null 2>&1; }

if has "$image" || "$engine" pull --quiet "$image" >/dev/null 2>&1; then echo "$image"; exit; fi
if has "$own"; then echo "$own"; exit; fi
if ! command -v debootstrap >/dev/null || [ "$(id -u)" != 0 ]; then
  echo "base_image.sh: $engine cannot pull $image; name one that it can: PYTHON_IMAGE=registry.example/python:3.11-slim (or, as root with debootstrap, one is made of Debian's packages)" >&2
  exit 1
fi
echo "base_image.sh: $engine cannot pull $image; making $own of Debian's packages" >&2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
debootstrap --variant=minbase --include=python3,python3-venv,python3-pip,python-is-python3,ca-certificates \
  bookworm "$work/root" >"$work/log" 2>&1 || { tail -3 "$work/log" >&2; exit 1; }
# pip in the build trusts whom this machine trusts, and may install system-wide as in the real one.
cp /etc/ssl/certs/ca-certificates.crt "$work/root/etc/ssl/certs/"
rm -f "$work"/root/usr/lib/python3*/EXTERNALLY-MANAGED "$work"/root/var/cache/apt/archives/*.deb
settings=(PIP_CERT=/etc/ssl/certs/ca-certificates.crt SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt)
if [ "$engine" = buildah ]; then
  container=$(buildah from scratch)
  buildah copy --quiet "$container" "$work/root" / >/dev/null
  buildah config "${settings[@]/#/--env=}" --cmd python3 "$container"
  buildah commit --quiet --rm "$container" "$own" >/dev/null
else
  tar -C "$work/root" -c . | "$engine" import "${settings[@]/#/--change=ENV }" --change 'CMD ["python3"]' - "$own" >/dev/null
fi
echo "$own"
