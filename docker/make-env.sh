#!/usr/bin/env bash
# Writes docker/.env: fresh secrets, the models, CPU or GPU, and a free subnet. What is there already stays as it is
# but for what is asked for; so after an update it adds what is new.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
file=$here/.env

usage() {
  cat <<EOF
docker/make-env.sh [options] [E-MAIL]     asks on a terminal, else takes what is usual

  --email E-MAIL     the first Label Studio user (admin@example.com)
  --model NAMES      models, commas between (florence-2-base,clip-vit-b-32); tiny needs no download
  --cpu, --gpu       what workers compute on (GPU where nvidia-smi finds one)
  --workers N        how many (1; with --gpu one for each GPU found)
  --subnet NETWORK   of our containers, such as 10.99.0.0/24 (the first free one of a few)
  --key-file FILE    a file with Label Studio's token, instead of one in .env
  --ca-file FILE     certificates of your own authority
  --postgres         Label Studio on a PostgreSQL beside it, in place of SQLite
EOF
}
stop() {
  echo "make-env.sh: $*" >&2
  exit 2
}
secret() { od -An -N"$1" -tx1 /dev/urandom | tr -d ' \n'; }

# ---- .env: each value in double quotes, as compose reads them --------------------------------------
# A line as compose reads it: it may have spaces, `export` and `:` about the name.
has() { [ -f "$file" ] && grep -qE "^[[:space:]]*(export[[:space:]]+)?$1[[:space:]]*[=:]" "$file"; }
is_set() { [ -n "$(value_of "$1")" ]; }
value_of() { # NAME: the last value that stands there, without quotes and what follows them; for plain values
  [ -f "$file" ] || return 0
  local line
  line=$(grep -E "^[[:space:]]*(export[[:space:]]+)?$1[[:space:]]*[=:]" "$file" | tail -n 1) || return 0
  line=$(sed -E "s/^[[:space:]]*(export[[:space:]]+)?$1[[:space:]]*[=:][[:space:]]*//" <<<"${line%$'\r'}")
  case $line in
    \"*) line=${line#\"} line=${line%%\"*} ;;
    \'*) line=${line#\'} line=${line%%\'*} ;;
    \#*) line= ;;
    *) line=$(sed -E 's/[[:space:]]+(#.*)?$//' <<<"$line") ;;
  esac
  printf '%s' "$line"
}
quoted() {
  local value=$1
  value=${value//\\/\\\\}
  value=${value//\"/\\\"}
  printf '"%s"' "${value//\$/\\\$}"
}
put() { # NAME VALUE: in the place of what is there, or at the end
  local line made= name="^[[:space:]]*(export[[:space:]]+)?$1[[:space:]]*[=:]"
  case $2 in *$'\n'* | *$'\r'*) stop "expected $1 on one line, got a line break in it" ;; esac
  if has "$1"; then
    made=$(mktemp "$file.XXXXXX")
    while IFS= read -r line || [ -n "$line" ]; do
      if [[ $line =~ $name ]]; then line=$1=$(quoted "$2"); fi
      printf '%s\n' "$line"
    done <"$file" >"$made"
    mv "$made" "$file"
  else
    printf '%s=%s\n' "$1" "$(quoted "$2")" >>"$file"
  fi
  written+=("$1")
}
put_new() { is_set "$1" || put "$1" "$2"; } # an empty value counts as none

# ---- networks: IPv4 as numbers ---------------------------------------------------------------------
number() {
  local IFS=. a b c d
  read -r a b c d <<<"$1"
  echo $(((10#$a << 24) + (10#$b << 16) + (10#$c << 8) + 10#$d))
}
dotted() { echo "$(($1 >> 24)).$(($1 >> 16 & 255)).$(($1 >> 8 & 255)).$(($1 & 255))"; }
mask() { echo $((0xffffffff << (32 - $1) & 0xffffffff)); }
private=(10.0.0.0/8 100.64.0.0/10 172.16.0.0/12 192.168.0.0/16)

inside() { # A B: whether network A lies in B
  local bits=${2#*/}
  [ "${1#*/}" -ge "$bits" ] && [ $(($(number "${1%/*}") & $(mask "$bits"))) = "$(number "${2%/*}")" ]
}
overlap() { inside "$1" "$2" || inside "$2" "$1"; }
check_network() {
  local part range
  # Docker reads no numbers that begin with 0.
  [[ ! $1 =~ (^|[./])0[0-9] ]] || stop "expected --subnet like 10.99.0.0/24, got $1"
  [[ $1 =~ ^([0-9]{1,3})\.([0-9]{1,3})\.([0-9]{1,3})\.([0-9]{1,3})/([0-9]{1,2})$ ]] ||
    stop "expected --subnet like 10.99.0.0/24, got $1"
  for part in "${BASH_REMATCH[@]:1:4}"; do
    [ $((10#$part)) -le 255 ] || stop "expected --subnet like 10.99.0.0/24, got $1"
  done
  part=$((10#${BASH_REMATCH[5]}))
  { [ "$part" -ge 16 ] && [ "$part" -le 28 ]; } || stop "expected --subnet from /16 to /28, got $1"
  [ $(($(number "${1%/*}") & $(mask "$part"))) = "$(number "${1%/*}")" ] ||
    stop "expected --subnet to begin at a network's address, such as $(dotted $(($(number "${1%/*}") & $(mask "$part"))))/$part, got $1"
  for range in "${private[@]}"; do
    if inside "$1" "$range"; then return; fi
  done
  stop "expected --subnet in a private range (${private[*]}), got $1"
}
bans() { # The private ranges less network $1: what Label Studio goes on refusing to call.
  local range bits base=$(number "${1%/*}") list=()
  for range in "${private[@]}"; do
    if inside "$1" "$range"; then
      for ((bits = ${range#*/} + 1; bits <= ${1#*/}; bits++)); do
        list+=("$(dotted $(((base ^ 1 << (32 - bits)) & $(mask "$bits"))))/$bits")
      done
    else
      list+=("$range")
    fi
  done
  local IFS=,
  echo "${list[*]}"
}
networks_in_use() { # One a line, with who uses it; our own from an earlier start is left out.
  local ours="" id name subnets one
  if command -v docker >/dev/null; then
    while read -r id name; do
      subnets=$(docker network inspect -f '{{range .IPAM.Config}}{{.Subnet}} {{end}}' "$id" 2>/dev/null) || continue
      for one in $subnets; do
        if [ "$name" = firstpass_private ]; then ours+=" $one"; else echo "$one the Docker network $name"; fi
      done
    done < <(docker network ls --format '{{.ID}} {{.Name}}' 2>/dev/null || true)
  fi
  if command -v ip >/dev/null; then
    while read -r one _; do
      case " $ours " in *" $one "*) ;; *) echo "$one a route of this machine" ;; esac
    done < <(ip -4 route 2>/dev/null | grep -oE '^[0-9.]+/[0-9]+' || true)
  fi
}
user_of() { # Who uses network $1, or nothing
  local network who
  while read -r network who; do
    [[ $network =~ ^[0-9.]+/[0-9]+$ ]] || continue
    if overlap "$1" "$network"; then
      echo "$who ($network)"
      return
    fi
  done <<<"$in_use"
}

# ---- what is asked for -----------------------------------------------------------------------------
email='' model='' device='' workers='' subnet='' key_file='' ca_file='' postgres=''
while [ $# -gt 0 ]; do
  case $1 in
    --email | --model | --workers | --subnet | --key-file | --ca-file)
      [ $# -ge 2 ] || stop "expected a value behind $1"
      name=${1#--}
      printf -v "${name//-/_}" %s "$2"
      [ -n "$2" ] || stop "expected a value behind $1, got an empty one"
      shift 2
      ;;
    --cpu | --gpu) device=${1#--} && shift ;;
    --postgres) postgres=yes && shift ;;
    -h | --help) usage && exit ;;
    -*) stop "there is no option $1; see docker/make-env.sh --help" ;;
    *) email=$1 && shift ;;
  esac
done
gpus=$( (command -v nvidia-smi >/dev/null && nvidia-smi -L 2>/dev/null) | grep -c '^GPU' || true)
if [ -t 0 ] && [ ! -e "$file" ]; then
  found=cpu
  [ "$gpus" = 0 ] || found=gpu
  [ -n "$email" ] || read -rp 'E-mail address of the first Label Studio user [admin@example.com]: ' email
  [ -n "$model" ] || read -rp 'Models, commas between; tiny needs no download [florence-2-base,clip-vit-b-32]: ' model
  [ -n "$device" ] || read -rp "Compute on cpu or gpu [$found; nvidia-smi finds $gpus]: " device
fi
[ ! -e "$file" ] && [ -z "$device" ] && { [ "$gpus" = 0 ] && device=cpu || device=gpu; }
case $device in '' | cpu | gpu) ;; *) stop "expected cpu or gpu, got $device" ;; esac
[[ $workers =~ ^(|0|[1-9][0-9]{0,2})$ ]] || stop "expected --workers to be a number from 0 to 999, got $workers"
case $email in '' | ?*@?*) ;; *) stop "expected an e-mail address, got $email" ;; esac
for path in "$key_file" "$ca_file"; do
  [ -z "$path" ] || [ -f "$path" ] || stop "there is no file $path"
done
[ -z "$device" ] || [ "$device" = cpu ] || [ -n "$workers" ] || [ "$gpus" = 0 ] || workers=$gpus

in_use=$(networks_in_use)
if [ -n "$subnet" ]; then
  check_network "$subnet"
  user=$(user_of "$subnet")
  [ -z "$user" ] || stop "$subnet is in use: $user; choose another --subnet"
elif is_set SUBNET; then
  # What Label Studio goes on refusing follows from it.
  if ! is_set SUBNET_BANS; then
    subnet=$(value_of SUBNET)
    check_network "$subnet"
  fi
else
  for subnet in 172.31.254.0/24 172.30.254.0/24 10.254.254.0/24 192.168.254.0/24 100.127.254.0/24; do
    [ -z "$(user_of "$subnet")" ] && break
    subnet=
  done
  [ -n "$subnet" ] || stop "no subnet is free of those that it tries; name one that is: --subnet NETWORK"
fi

# ---- and written -----------------------------------------------------------------------------------
umask 077
written=()
there=false
if [ -e "$file" ]; then
  there=true
  [ -z "$(tail -c1 "$file")" ] || echo >>"$file"
else
  echo '# Secrets and choices of this installation, read by compose. What else may stand here: docs/containers.md.' >"$file"
fi
if [ -n "$email" ]; then put LABEL_STUDIO_USERNAME "$email"; else put_new LABEL_STUDIO_USERNAME admin@example.com; fi
put_new LABEL_STUDIO_PASSWORD "$(secret 12)"
put_new REDIS_PASSWORD "$(secret 24)"
put_new FIRSTPASS_BASIC_AUTH_USER label-studio
put_new FIRSTPASS_BASIC_AUTH_PASS "$(secret 16)"
put_new FIRSTPASS_WEBHOOK_SECRET "$(secret 16)"
if [ -n "$key_file" ]; then
  put LABEL_STUDIO_API_KEY_FILE "$(cd "$(dirname "$key_file")" && pwd)/$(basename "$key_file")"
elif ! has LABEL_STUDIO_API_KEY && ! has LABEL_STUDIO_API_KEY_FILE; then
  token=$(secret 20)
  put_new LABEL_STUDIO_USER_TOKEN "$token"
  put LABEL_STUDIO_API_KEY "$token"
fi
[ -z "$ca_file" ] || put SSL_CERT_FILE "$(cd "$(dirname "$ca_file")" && pwd)/$(basename "$ca_file")"
[ -z "$postgres" ] || put_new POSTGRE_PASSWORD "$(secret 24)"
if [ -n "$model" ]; then put FIRSTPASS_MODEL "$model"; else put_new FIRSTPASS_MODEL florence-2-base,clip-vit-b-32; fi
[ -z "$workers" ] || put FIRSTPASS_WORKERS "$workers"
if [ -n "$subnet" ]; then
  [ "$subnet" = "$(value_of SUBNET)" ] || put SUBNET "$subnet"
  put SUBNET_BANS "$(bans "$subnet")"
fi
# The files that compose lays over each other.
files=compose.yaml
if is_set COMPOSE_FILE; then files=$(value_of COMPOSE_FILE); fi
lay() { # FILE yes|no: whether compose is to take this file too
  local kept=":$files:"
  kept=${kept//":$1:"/:}
  kept=${kept#:} kept=${kept%:}
  files=$kept
  [ "$2" = no ] || files+=":$1"
}
case $device in cpu) lay compose.gpu.yaml no ;; gpu) lay compose.gpu.yaml yes ;; esac
[ -z "$key_file" ] || lay compose.secrets.yaml yes
[ -z "$ca_file" ] || lay compose.ca.yaml yes
[ -z "$postgres" ] || lay compose.postgres.yaml yes
[ "$files" = "$(value_of COMPOSE_FILE)" ] || put COMPOSE_FILE "$files"

if ! $there; then
  echo "wrote $file; the Label Studio login is in it"
elif [ ${#written[@]} = 0 ]; then
  echo "$file has all that it needs; nothing changed"
else
  echo "$file: set $(printf '%s\n' "${written[@]}" | sort -u | paste -sd ' ' -); the rest is as it was"
fi
