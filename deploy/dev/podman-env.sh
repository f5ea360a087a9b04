#!/bin/bash
# A private Podman: own configuration, storage, networks, sockets and registry. The machine's own Podman stays untouched.
#
#   podman-env.sh start  STATEDIR [RUNDIR]   prepare, start the registry and the API service; prints the socket's path
#   podman-env.sh status STATEDIR            what runs, and on which socket
#   podman-env.sh env    STATEDIR            prints the settings as lines for `eval`
#   podman-env.sh stop   STATEDIR            stop the service and the registry; containers go on
#   podman-env.sh objects STATEDIR [LABEL]   list containers, pods, networks, volumes and secrets (with LABEL only)
#   podman-env.sh clean  STATEDIR [LABEL]    remove the containers, pods, networks and volumes (with LABEL only), all secrets
#   podman-env.sh down   STATEDIR            remove everything in this storage, stop all, unmount, delete the storage
#
# RUNDIR holds the sockets; default is a short name under /run, because a socket's path has 108 bytes at most.
# DATUM_IMAGES=auto|local|public says where docker.io/library/nginx:latest comes from: auto asks the public registry for
# at most 5 s and takes the image built here when there is no answer.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=deploy/dev/lib.sh
. "$here/lib.sh"

# Raise when the content of the images changes: a state folder with older ones builds them again.
IMAGES_VERSION=1
PUBLIC_IMAGE=docker.io/library/nginx:latest
# A name for the loopback registry that is the same on every machine; .test never resolves.
LOCAL_REGISTRY=registry.datum.test
STOP_TIMEOUT=3

usage() { sed -n '4,10s/^# \{0,3\}//p' "${BASH_SOURCE[0]}" >&2; exit 2; }

set_paths() { # STATEDIR [RUNDIR]
  mkdir -p "$1"
  state=$(cd "$1" && pwd)
  local kept=
  [ ! -s "$state/rundir" ] || kept=$(cat "$state/rundir")
  # Podman's database binds storage and run folder together: the first choice stays.
  run=${kept:-${2:-/run/datum-$(printf '%s' "$state" | sha256sum | cut -c1-10)}}
  socket=$run/podman.sock
  export CONTAINERS_CONF=$state/containers.conf
  export CONTAINERS_STORAGE_CONF=$state/storage.conf
  export CONTAINERS_REGISTRIES_CONF=$state/registries.conf
  export REGISTRY_AUTH_FILE=$state/auth.json
  export TMPDIR=$state/tmp
}

# ---- configuration ----------------------------------------------------------------------------------------------------

choose_runtime() {
  # crun refuses a hybrid hierarchy; where cgroups are version 2 only, either will do.
  if [ "$(stat -fc %T /sys/fs/cgroup)" != cgroup2fs ] || ! command -v crun >/dev/null; then echo runc; else echo crun; fi
}

storage_driver() {
  # overlay on overlay (a checkout inside a container) doesn't mount; vfs always works and is slow.
  local probe=$state/tmp/overlay-probe driver=vfs
  mkdir -p "$probe"/{lower,upper,work,merged}
  if mount -t overlay overlay -o "lowerdir=$probe/lower,upperdir=$probe/upper,workdir=$probe/work" "$probe/merged" 2>/dev/null; then
    umount "$probe/merged"
    driver=overlay
  fi
  rm -rf "$probe"
  echo "$driver"
}

write_containers_conf() {
  local hard ulimits=
  hard=$(ulimit -Hn)
  # Podman asks for 1048576 open files by default; without CAP_SYS_RESOURCE more than our own hard limit is refused.
  if [ "$hard" != unlimited ] && [ "$hard" -lt 1048576 ]; then
    local low=$((hard < 20000 ? hard : 20000))
    ulimits="default_ulimits = [\"nofile=$low:$low\", \"nproc=$low:$low\"]"
  fi
  {
    echo '[containers]'
    echo 'log_driver = "k8s-file"'
    [ -z "$ulimits" ] || echo "$ulimits"
    echo '[engine]'
    echo "runtime = \"$(choose_runtime)\""
    # Without systemd there is nobody to ask for a scope.
    [ -d /run/systemd/system ] || echo 'cgroup_manager = "cgroupfs"'
    echo 'events_logger = "file"'
    echo 'lock_type = "file"'
    echo "tmp_dir = \"$run/libpod\""
    echo "stop_timeout = $STOP_TIMEOUT"
    echo '[network]'
    echo 'network_backend = "netavark"'
    echo "network_config_dir = \"$state/networks\""
  } >"$CONTAINERS_CONF"
}

write_storage_conf() {
  [ -s "$state/driver" ] || storage_driver >"$state/driver"
  {
    echo '[storage]'
    echo "driver = \"$(cat "$state/driver")\""
    echo "graphroot = \"$state/graph\""
    echo "runroot = \"$run/storage\""
  } >"$CONTAINERS_STORAGE_CONF"
}

write_registries_conf() { # public|local
  local address
  address=127.0.0.1:$(kept_port "$state/registry.port")
  {
    echo 'unqualified-search-registries = ["docker.io"]'
    echo 'short-name-mode = "permissive"'
    printf '[[registry]]\nprefix = "%s"\nlocation = "%s"\ninsecure = true\n' "$LOCAL_REGISTRY" "$address"
    # The whole of docker.io is answered by our registry, not only mirrored: behind a mirror Podman would go on to the
    # public registry for every image that we lack, and hang on a closed network instead of answering "not found".
    [ "$1" = public ] || printf '[[registry]]\nprefix = "docker.io"\nlocation = "%s"\ninsecure = true\n' "$address"
  } >"$CONTAINERS_REGISTRIES_CONF"
}

write_registry_conf() {
  cat >"$state/registry.yml" <<YAML
version: 0.1
log: {level: warn, accesslog: {disabled: true}}
storage:
  filesystem: {rootdirectory: $state/registry}
  delete: {enabled: true}
http: {addr: "127.0.0.1:$(kept_port "$state/registry.port")"}
YAML
}

prepare() {
  [ "$(id -u)" = 0 ] || fail "a private Podman needs root: rootless pods have no address that the host can reach"
  local tool
  for tool in podman conmon runc catatonit docker-registry curl busybox nft; do
    command -v "$tool" >/dev/null || fail "$tool is missing; run deploy/dev/tools.sh"
  done
  [ ${#socket} -le 100 ] || fail "the socket's path $socket is longer than a socket address may be: pass a shorter RUNDIR"
  mkdir -p "$state"/{tmp,graph,networks,registry} "$run"
  chmod 700 "$state" "$run"
  printf '%s\n' "$run" >"$state/rundir"
  echo '{}' >"$REGISTRY_AUTH_FILE"
  write_containers_conf
  write_storage_conf
  write_registries_conf local
  write_registry_conf
}

# ---- registry and images ----------------------------------------------------------------------------------------------

registry_url() { printf 'http://127.0.0.1:%s/v2' "$(cat "$state/registry.port")"; }
registry_answers() { curl -sf -m 2 -o /dev/null "$(registry_url)/"; }

start_registry() {
  running_pid "$state/registry.pid" >/dev/null && registry_answers && return 0
  stop_daemon "$state/registry.pid"
  if ! port_is_free "$(cat "$state/registry.port")"; then
    # Somebody else took the kept port while we were down.
    rm -f "$state/registry.port"
    write_registry_conf
    write_registries_conf local
  fi
  # The registry takes every REGISTRY_... variable for a setting of its own.
  start_daemon "$state/registry.pid" "$state/registry.log" env -u REGISTRY_AUTH_FILE docker-registry serve "$state/registry.yml"
  wait_until 20 registry_answers || { tail -n 5 "$state/registry.log" >&2; fail "the registry on loopback didn't start"; }
}

# One static binary, its applets as links, and what the name of the image asks for.
make_rootfs() { # FOLDER
  local applet
  mkdir -p "$1"/{bin,etc,tmp,www}
  chmod 1777 "$1/tmp"
  cp "$(command -v busybox)" "$1/bin/busybox"
  for applet in $("$1/bin/busybox" --list); do
    [ "$applet" = busybox ] || ln -s busybox "$1/bin/$applet"
  done
  echo 'root:x:0:0:root:/:/bin/sh' >"$1/etc/passwd"
  echo 'root:x:0:' >"$1/etc/group"
}

make_web_rootfs() { # FOLDER VARIANT
  make_rootfs "$1"
  printf '<!doctype html><title>Datum Providers</title><h1>It works</h1><p>variant %s</p>\n' "$2" >"$1/www/index.html"
  # As PID 1 a process without a handler ignores SIGTERM, and every removal would wait for the stop timeout.
  cat >"$1/bin/web-server" <<SH
#!/bin/sh
port=\${PORT:-8080}
/bin/httpd -f -p "\$port" -h /www &
server=\$!
trap 'echo "stopping"; kill \$server; exit 0' TERM INT
echo "variant $2 listening on port \$port"
wait \$server
SH
  chmod 755 "$1/bin/web-server"
}

import_image() { # FOLDER NAME COMMAND [CHANGE...]
  local folder=$1 name=$2 command=$3
  shift 3
  local -a changes=(--change "CMD $command" --change 'ENV PATH=/bin')
  local change
  for change in "$@"; do changes+=(--change "$change"); done
  tar -C "$folder" --owner=0 --group=0 -c . | podman import --quiet "${changes[@]}" - "$LOCAL_REGISTRY/$name" >/dev/null
  # A push doesn't follow the renaming of registries.conf.
  podman push --quiet --tls-verify=false "$LOCAL_REGISTRY/$name" "127.0.0.1:$(cat "$state/registry.port")/$name"
  # Only the registry keeps it: whoever runs it pulls it, as any other image.
  podman rmi --force "$LOCAL_REGISTRY/$name" >/dev/null
  rm -rf "$folder"
}

build_local_images() {
  [ "$(cat "$state/images.version" 2>/dev/null)" != "$IMAGES_VERSION" ] || return 0
  local folder=$state/tmp/rootfs variant
  rm -rf "$folder"
  for variant in latest alt; do
    make_web_rootfs "$folder" "$variant"
    import_image "$folder" "library/nginx:$variant" '["/bin/web-server"]' 'EXPOSE 8080' "LABEL datum-variant=$variant"
  done
  make_rootfs "$folder"
  import_image "$folder" library/busybox:latest '["/bin/sh"]'
  echo "$IMAGES_VERSION" >"$state/images.version"
}

public_registry_answers() {
  # 401 is the ordinary answer to a caller without a token. On a closed network a bare connection may hang: a deadline.
  local code
  code=$(curl -s -m 5 -o /dev/null -w '%{http_code}' https://registry-1.docker.io/v2/ 2>/dev/null) || return 1
  [ "$code" = 200 ] || [ "$code" = 401 ]
}

provide_images() {
  local wish=${DATUM_IMAGES:-auto} source=local
  case $wish in auto | local | public) ;; *) fail "DATUM_IMAGES must be auto, local or public, not '$wish'" ;; esac
  build_local_images
  if [ "$wish" != local ]; then
    if public_registry_answers; then
      write_registries_conf public
      # An answer is not yet an image: the registry may limit us.
      if timeout 180 podman pull --quiet "$PUBLIC_IMAGE" >/dev/null 2>"$state/pull.log"; then source=public; fi
    fi
    [ "$source" = public ] || [ "$wish" = auto ] || fail "no public registry gave $PUBLIC_IMAGE: $(tail -n 1 "$state/pull.log" 2>/dev/null)"
  fi
  write_registries_conf "$source"
  # The other source's image may lie in the storage from an earlier start.
  if [ -s "$state/images.source" ] && [ "$(cat "$state/images.source")" != "$source" ] && [ "$source" = local ]; then
    podman rmi --force "$PUBLIC_IMAGE" >/dev/null 2>&1 || true
  fi
  echo "$source" >"$state/images.source"
  if [ "$source" = public ]; then
    say "image: $PUBLIC_IMAGE from the public registry (listens on port 80)"
  else
    say "image: $PUBLIC_IMAGE built here from Debian's busybox (listens on port 8080), served from loopback"
  fi
}

# ---- service ----------------------------------------------------------------------------------------------------------

service_answers() { curl -sf -m 5 -o /dev/null --unix-socket "$socket" http://d/_ping; }

start_service() {
  if running_pid "$state/service.pid" >/dev/null && service_answers; then return 0; fi
  stop_daemon "$state/service.pid"
  rm -f "$socket"
  start_daemon "$state/service.pid" "$state/service.log" podman system service -t 0 "unix://$socket"
  wait_until 30 service_answers || { tail -n 5 "$state/service.log" >&2; fail "the Podman service didn't answer on $socket"; }
}

print_env() {
  local name
  for name in CONTAINERS_CONF CONTAINERS_STORAGE_CONF CONTAINERS_REGISTRIES_CONF REGISTRY_AUTH_FILE; do
    printf 'export %s=%q\n' "$name" "${!name}"
  done
  printf 'export DATUM_PODMAN_SOCKET=%q\n' "$socket"
  printf 'export DATUM_IMAGE_SOURCE=%q\n' "$(cat "$state/images.source" 2>/dev/null || echo none)"
  printf 'export DATUM_LOCAL_REGISTRY=%q\n' "$LOCAL_REGISTRY"
}

status() {
  local name pid
  for name in registry service; do
    if pid=$(running_pid "$state/$name.pid"); then echo "$name: runs, pid $pid"; else echo "$name: stopped"; fi
  done
  echo "socket: $socket"
  echo "image: $PUBLIC_IMAGE ($(cat "$state/images.source" 2>/dev/null || echo 'not provided yet'))"
}

# ---- objects ----------------------------------------------------------------------------------------------------------

# One line per object: its kind and name. Secrets carry no labels in Podman 4.3: they are listed all, which is right for
# a storage that nobody else uses.
list_objects() { # [LABEL]
  local -a filter=()
  [ -z "${1:-}" ] || filter=(--filter "label=$1")
  podman pod ps "${filter[@]}" --format 'pod {{.Name}}'
  podman ps -a "${filter[@]}" --format 'container {{.Names}}'
  podman network ls "${filter[@]}" --format 'network {{.Name}}' | grep -vx 'network podman' || true
  podman volume ls "${filter[@]}" --format 'volume {{.Name}}'
  podman secret ls --format 'secret {{.Name}}'
}

remove_objects() { # [LABEL]
  local kind name
  # Pods first (their containers go with them), then what a container held.
  list_objects "${1:-}" | while read -r kind name; do
    case $kind in
      pod) podman pod rm --force --time "$STOP_TIMEOUT" "$name" ;;
      container) podman rm --force --ignore --time "$STOP_TIMEOUT" --volumes "$name" ;;
      network) podman network rm --force --time "$STOP_TIMEOUT" "$name" ;;
      volume) podman volume rm --force "$name" ;;
      secret) podman secret rm "$name" ;;
    esac >/dev/null || say "could not remove $kind $name"
  done
}

unmount_below() { # FOLDER
  local target
  # Deepest first.
  cut -d' ' -f5 /proc/self/mountinfo | sort -r | while read -r target; do
    case $target in "$1"/*) umount -l "$target" || true ;; esac
  done
}

stop_all() {
  stop_daemon "$state/service.pid"
  stop_daemon "$state/registry.pid"
}

report_leftovers() {
  local chains
  chains=$(iptables-save 2>/dev/null | grep -c '^:NETAVARK' || true)
  [ "$chains" = 0 ] || say "left behind: $chains iptables chains of netavark (shared by every Podman of this machine; they hold no rules of ours)"
}

down() {
  # Without storage there is nothing to remove, and asking Podman would create it.
  if [ -d "$state/graph/libpod" ]; then
    remove_objects
    say "removed with the storage: the pause image and all other images"
  fi
  stop_all
  unmount_below "$state/graph"
  unmount_below "$run"
  rm -rf "$run" "$state"
  report_leftovers
}

[ $# -ge 2 ] || usage
command=$1
shift
# Only `start` takes a run folder.
if [ "$command" = start ]; then set_paths "$@"; else set_paths "$1"; fi
case $command in
  start)
    prepare
    start_registry
    provide_images
    start_service
    echo "$socket"
    ;;
  status) status ;;
  env) print_env ;;
  stop) stop_all ;;
  objects) list_objects "${2:-}" ;;
  clean) remove_objects "${2:-}" ;;
  down) down ;;
  *) usage ;;
esac
