#!/bin/bash
# Provides what ./up, ./test and CI need and says what it installs and why. Prints settings as lines for `eval` on stdout;
# messages go to stderr. Cheap when everything is there.
#
#   tools.sh WHAT...     WHAT: sdk, podman, kubectl, realapi, cloudinit, victoria, guests, gcpclients,
#                        pveclients, vcsim, vsphereclients
#
# Without root (and without `sudo -n`) nothing is installed and DATUM_PODMAN is "no".
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=deploy/dev/lib.sh
. "$here/lib.sh"

ROOT=$(cd "$here/../.." && pwd)
SHARED=${DATUM_SHARED:-$ROOT/../shared}
# A newer build of the real API server is looked for when the newest is older than this.
REALAPI_MAX_AGE_DAYS=7
KUBECTL_SUITE=trixie
VICTORIA_SUITE=trixie
# Its Go compiler is the oldest that builds vcsim: what it links runs on newer systems too. Later suites have the same govmomi.
VCSIM_SUITE=bookworm

# Package and the reason why it is needed.
PODMAN_PACKAGES=(
  'podman:runs the containers'
  'runc:container runtime that also works where cgroups are hybrid'
  'catatonit:PID 1 of pods'
  'netavark:container networks'
  'aardvark-dns:names in container networks'
  'iptables:netavark needs it'
  'nftables:network policies in the pods'
  'iproute2:network namespaces of the firewall test'
  'busybox-static:content of the local test image'
  'docker-registry:serves images on loopback'
  'curl:talks to the Podman socket'
  'jq:reads the answers'
)

GUEST_PACKAGES=(
  'qemu-system-x86:boots the guest, in software'
  'qemu-utils:overlays of the root disk'
  'debootstrap:builds the guest'
  'e2fsprogs:root disk of the guest'
  'genisoimage:seed medium'
  'busybox-static:content of the container, and QEMU'"'"'s way to loopback'
)

# Outside the checkout, so that a fresh clone finds it; DATUM_CACHE names another place.
cache_root() {
  if [ -n "${DATUM_CACHE:-}" ]; then echo "$DATUM_CACHE"; elif [ "$(id -u)" = 0 ]; then echo /var/cache/datum-providers; else echo "${XDG_CACHE_HOME:-$HOME/.cache}/datum-providers"; fi
}

as_root() {
  if [ "$(id -u)" = 0 ]; then "$@"; else sudo -n "$@"; fi
}

have_root() { [ "$(id -u)" = 0 ] || sudo -n true 2>/dev/null; }

installed() { [ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" = installed ]; }

check_sdk() {
  command -v dotnet >/dev/null || {
    say "error: the .NET SDK $(sed -n 's/.*"version": *"\([^"]*\)".*/\1/p' "$ROOT/global.json") is missing: https://dot.net/download"
    exit 3
  }
  (cd "$ROOT" && dotnet --version >/dev/null 2>&1) || {
    say "error: no .NET SDK fits global.json ($(sed -n 's/.*"version": *"\([^"]*\)".*/\1/p' "$ROOT/global.json")); installed: $(dotnet --list-sdks | cut -d' ' -f1 | paste -sd' ')"
    exit 3
  }
}

# ---- apt ----------------------------------------------------------------------------------------------------------------

apt_install() { # PACKAGE...
  local log
  log=$(mktemp)
  # The package lists of a fresh machine are empty or old.
  if as_root env DEBIAN_FRONTEND=noninteractive apt-get -q update >"$log" 2>&1 </dev/null &&
    as_root env DEBIAN_FRONTEND=noninteractive apt-get -q install -y --no-install-recommends "$@" >>"$log" 2>&1 </dev/null; then
    rm -f "$log"
    return 0
  fi
  tail -n 5 "$log" >&2
  rm -f "$log"
  return 1
}

install_missing() { # 'PACKAGE:REASON'...
  local entry name
  local -a missing=()
  for entry in "$@"; do
    name=${entry%%:*}
    installed "$name" && continue
    say "installing $name: ${entry#*:}"
    missing+=("$name")
  done
  [ ${#missing[@]} = 0 ] || apt_install "${missing[@]}" || fail "apt could not install ${missing[*]}"
}

provide_podman() {
  if ! have_root; then
    say "no root and no 'sudo -n': the simulator is used instead of Podman (rootless pods have no address that the host can reach)"
    echo 'export DATUM_PODMAN=no'
    return 0
  fi
  install_missing "${PODMAN_PACKAGES[@]}"
  echo 'export DATUM_PODMAN=yes'
}

# apt with lists of its own, for packages of another Debian release; the machine's sources stay as they are.
private_apt() { # FOLDER SUITE COMMAND...
  local folder=$1 suite=$2 mirror
  shift 2
  if [ ! -f "$folder/sources.list" ]; then
    mkdir -p "$folder"/{lists/partial,cache/archives/partial}
    # Without a status of its own apt would ask for the version that this machine happens to have installed.
    : >"$folder/status"
    # shellcheck disable=SC2016 # apt's own placeholder
    mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 'Label: Debian' 2>/dev/null | head -n 1)
    [ -n "$mirror" ] || { say "apt knows no Debian mirror: add one to its sources"; return 1; }
    echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $mirror $suite main" >"$folder/sources.list"
  fi
  local -a options=(-q -o "Dir::Etc::sourcelist=$folder/sources.list" -o Dir::Etc::sourceparts=/dev/null
    -o "Dir::State::status=$folder/status" -o "Dir::State::Lists=$folder/lists" -o "Dir::Cache=$folder/cache" -o Acquire::Languages=none
    -o APT::Sandbox::User=root -o Acquire::Retries=2)
  local program=$1
  shift
  "$program" "${options[@]}" "$@" </dev/null
}

# ---- kubectl ------------------------------------------------------------------------------------------------------------

fetch_kubectl() { # FOLDER
  local work=$1.new
  rm -rf "$work"
  mkdir -p "$work"
  say "fetching kubectl from Debian $KUBECTL_SUITE: the client that people use, as a foreign client of the embedded plane"
  if ! { private_apt "$work/apt" "$KUBECTL_SUITE" apt-get update && (cd "$work" && private_apt "$work/apt" "$KUBECTL_SUITE" apt-get download kubectl); } >"$work/log" 2>&1; then
    tail -n 3 "$work/log" >&2
    return 1
  fi
  dpkg -x "$work"/kubectl_*.deb "$work/unpacked"
  "$work/unpacked/usr/bin/kubectl" version --client >/dev/null 2>&1 || return 1
  mv "$work/unpacked/usr/bin/kubectl" "$work/kubectl"
  rm -rf "$work/unpacked" "$work/apt" "$work/log" "$work"/*.deb "$1"
  mv "$work" "$1"
}

provide_kubectl() {
  local folder other
  folder=$(cache_root)/kubectl-$KUBECTL_SUITE
  mkdir -p "$(cache_root)"
  if [ ! -x "$folder/kubectl" ] && ! (flock 8 && { [ -x "$folder/kubectl" ] || fetch_kubectl "$folder"; }) 8>"$(cache_root)/kubectl.lock"; then
    rm -rf "$folder.new"
    if other=$(command -v kubectl); then
      say "kubectl could not be fetched; using $other"
      printf 'export DATUM_KUBECTL=%q\n' "$other"
    else
      say "kubectl could not be fetched and none is installed"
    fi
    return 0
  fi
  printf 'export DATUM_KUBECTL=%q\n' "$folder/kubectl"
}

# ---- real API server ----------------------------------------------------------------------------------------------------

usable_realapi() { [ -x "$1/coreserver" ] && [ -x "$1/etcd" ]; }

newest_realapi() { # [FIND-CONDITION...]
  local folder
  while read -r _ folder; do
    if usable_realapi "$folder"; then echo "$folder"; return 0; fi
  done < <(find "$(cache_root)" -maxdepth 1 -type d -name 'realapi-*' ! -name '*.new' "$@" -printf '%T@ %p\n' | sort -rn)
  return 1
}

# The build takes whatever version of the libraries sid has: the versions and the build's own sources are the key.
realapi_key() { # WORKFOLDER
  local -a packages
  mapfile -t packages < <(tr -s ' ' '\n' <"$SHARED/realapi/packages.txt")
  private_apt "$1/apt" sid apt-get update >"$1/log" 2>&1 || return 1
  {
    private_apt "$1/apt" sid apt-cache show --no-all-versions "${packages[@]}" 2>/dev/null | grep -E '^(Package|Version):' || return 1
    find "$SHARED/realapi" -type f -print0 | sort -z | xargs -0 sha256sum | cut -d' ' -f1
  } | sha256sum | cut -c1-16
}

build_realapi() { # FOLDER
  say "building the real API server for tests (about 3 minutes, once)"
  rm -rf "$1.new"
  if ! PURE=0 GOCACHE="$1.new/gocache" "$SHARED/realapi/build.sh" "$1.new" >"$(cache_root)/realapi-build.log" 2>&1 </dev/null || ! usable_realapi "$1.new"; then
    tail -n 3 "$(cache_root)/realapi-build.log" >&2
    rm -rf "$1.new"
    return 1
  fi
  chmod -R u+w "$1.new"
  rm -rf "$1.new/gocache" "$1"
  mv "$1.new" "$1"
}

refresh_realapi() {
  local work key folder
  newest_realapi -mtime -"$REALAPI_MAX_AGE_DAYS" >/dev/null && return 0
  work=$(mktemp -d)
  if key=$(realapi_key "$work"); then
    folder=$(cache_root)/realapi-$key
    if usable_realapi "$folder"; then touch "$folder"; else build_realapi "$folder" || key=; fi
  fi
  rm -rf "$work"
  [ -n "$key" ]
}

provide_realapi() {
  local found missing=()
  if [ ! -x "$SHARED/realapi/build.sh" ]; then
    say "no reference folder beside the checkout: tests against a real API server are skipped"
    return 0
  fi
  mkdir -p "$(cache_root)"
  command -v openssl >/dev/null || missing+=(openssl)
  command -v curl >/dev/null || missing+=(curl)
  if [ ${#missing[@]} != 0 ]; then
    say "installing ${missing[*]}: certificates and readiness of the real API server"
    apt_install "${missing[@]}" || fail "apt could not install ${missing[*]}"
  fi
  if ! (flock 8 && refresh_realapi) 8>"$(cache_root)/realapi.lock"; then
    say "the real API server could not be built with today's packages"
  fi
  if found=$(newest_realapi); then
    say "real API server: $found"
    printf 'export DATUM_REALAPI_BIN=%q\n' "$found"
  else
    say "there is no build of the real API server"
  fi
}

# ---- clients of Google Cloud --------------------------------------------------------------------------------------------

# Unpacked and never installed. The newest discovery documents are in sid's package, which carries nothing but Python.
fetch_gcpclients() { # FOLDER
  local work=$1.new package
  local -a packages
  say "fetching python3-googleapi and python3-libcloud from Debian: others' clients, and Google's own description of its API"
  rm -rf "$work"
  mkdir -p "$work"
  mapfile -t packages < <(apt-cache depends --recurse --no-recommends --no-suggests --no-conflicts --no-breaks --no-replaces \
    --no-enhances python3-googleapi python3-libcloud | grep -E '^python3-[a-z0-9.-]+$' | sort -u)
  [ ${#packages[@]} -gt 5 ] || return 1
  if ! { (cd "$work" && apt-get -q -o APT::Sandbox::User=root download "${packages[@]}") &&
    private_apt "$work/apt" sid apt-get update && mkdir -p "$work/sid" && (cd "$work/sid" && private_apt "$work/apt" sid apt-get download python3-googleapi); } >"$work/log" 2>&1 </dev/null; then
    tail -n 3 "$work/log" >&2
    return 1
  fi
  for package in "$work"/*.deb; do dpkg -x "$package" "$work/root"; done
  dpkg -x "$work"/sid/*.deb "$work/sid/root"
  mkdir -p "$work/discovery"
  for package in compute secretmanager iamcredentials; do
    cp "$work/sid/root/usr/lib/python3/dist-packages/googleapiclient/discovery_cache/documents/$package.v1.json" "$work/discovery/" || return 1
  done
  rm -rf "$work"/*.deb "$work/sid" "$work/apt" "$work/log" "$1"
  mv "$work" "$1"
}

provide_gcpclients() {
  local folder
  folder=$(cache_root)/gcpclients
  mkdir -p "$(cache_root)"
  if [ ! -d "$folder/discovery" ] && ! (flock 8 && { [ -d "$folder/discovery" ] || fetch_gcpclients "$folder"; }) 8>"$(cache_root)/gcpclients.lock"; then
    rm -rf "$folder.new"
    say "clients of Google Cloud could not be fetched: their tests are skipped"
    return 0
  fi
  printf 'export DATUM_GCP_CLIENTS=%q\n' "$folder"
  printf 'export DATUM_GCP_DISCOVERY=%q\n' "$folder/discovery"
}

# ---- clients of Proxmox VE ----------------------------------------------------------------------------------------------

# Unpacked and never installed; of libraries only what this machine lacks.
fetch_pveclients() { # FOLDER
  local work=$1.new package
  local -a packages=(fence-agents) options=(--recurse --no-recommends --no-suggests --no-conflicts --no-breaks --no-replaces --no-enhances)
  say "fetching python3-proxmoxer and fence-agents from Debian: others' clients of Proxmox VE"
  rm -rf "$work"
  mkdir -p "$work"
  while read -r package; do
    case $package in
      python3-*) packages+=("$package") ;;
      lib*) installed "$package" || packages+=("$package") ;;
    esac
  done < <(apt-cache depends "${options[@]}" python3-proxmoxer python3-requests python3-pexpect python3-pycurl | grep -E '^(python3-|lib)[a-z0-9.+-]+$' | sort -u)
  [ ${#packages[@]} -gt 5 ] || return 1
  if ! (cd "$work" && apt-get -q -o APT::Sandbox::User=root download "${packages[@]}") >"$work/log" 2>&1 </dev/null; then
    tail -n 3 "$work/log" >&2
    return 1
  fi
  for package in "$work"/*.deb; do dpkg -x "$package" "$work/root"; done
  [ -x "$work/root/usr/sbin/fence_pve" ] || return 1
  rm -rf "$work"/*.deb "$work/log" "$1"
  mv "$work" "$1"
}

provide_pveclients() {
  local folder
  folder=$(cache_root)/pveclients
  mkdir -p "$(cache_root)"
  if [ ! -x "$folder/root/usr/sbin/fence_pve" ] && ! (flock 8 && { [ -x "$folder/root/usr/sbin/fence_pve" ] || fetch_pveclients "$folder"; }) 8>"$(cache_root)/pveclients.lock"; then
    rm -rf "$folder.new"
    say "clients of Proxmox VE could not be fetched: their tests are skipped"
    return 0
  fi
  printf 'export DATUM_PVE_CLIENTS=%q\n' "$folder"
}

# ---- vSphere ------------------------------------------------------------------------------------------------------------

# Unpacked beside the build, with the suite's Go compiler, and removed with it: nothing is installed.
VCSIM_PACKAGES=(
  'golang-github-google-uuid-dev:library of vcsim'
  'golang-github-kr-pretty-dev:library of govc'
  'golang-github-kr-text-dev:library of govc'
  'golang-github-rogpeppe-go-internal-dev:library of govc'
  'golang-github-a8m-tree-dev:library of govc'
  'xz-utils:unpacks the source'
)

usable_vcsim() { [ -x "$1/vcsim" ] && [ -x "$1/govc" ]; }

build_vcsim() { # FOLDER
  local work=$1.new mirror entry go package
  rm -rf "$work"
  mkdir -p "$work"/{apt/lists/partial,apt/cache/archives/partial,debs,source,root,go/src}
  : >"$work/apt/status"
  # shellcheck disable=SC2016 # apt's own placeholder
  mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 'Label: Debian' 2>/dev/null | head -n 1)
  [ -n "$mirror" ] || { say "apt knows no Debian mirror: add one to its sources"; return 1; }
  printf '%s [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] %s %s main\n' deb "$mirror" "$VCSIM_SUITE" deb-src "$mirror" "$VCSIM_SUITE" >"$work/apt/sources.list"
  private_apt "$work/apt" "$VCSIM_SUITE" apt-get update || return 1
  go=$(private_apt "$work/apt" "$VCSIM_SUITE" apt-cache depends golang-go | sed -n 's/.*Depends: golang-\([0-9.]*\)-go$/\1/p' | head -n 1)
  [ -n "$go" ] || { echo "the suite has no Go compiler"; return 1; }
  local -a packages=("golang-$go-go" "golang-$go-src")
  for entry in "${VCSIM_PACKAGES[@]}"; do packages+=("${entry%%:*}"); done
  (cd "$work/debs" && private_apt "$work/apt" "$VCSIM_SUITE" apt-get download "${packages[@]}") || return 1
  (cd "$work/source" && private_apt "$work/apt" "$VCSIM_SUITE" apt-get source --download-only golang-github-vmware-govmomi) || return 1
  for package in "$work"/debs/*.deb; do dpkg -x "$package" "$work/root"; done
  # The library's own place, as the Debian package has it: github.com/vmware/govmomi.
  local place=$work/go/src/github.com/vmware/govmomi
  mkdir -p "$place"
  PATH=$work/root/usr/bin:$PATH tar -xf "$work"/source/golang-github-vmware-govmomi_*.orig.tar.* -C "$place" --strip-components=1 || return 1
  local -a environment=(GOROOT="$work/root/usr/lib/go-$go" GOPATH="$work/go:$work/root/usr/share/gocode" GO111MODULE=off GOPROXY=off GOTOOLCHAIN=local
    GOFLAGS= CGO_ENABLED=0 GOCACHE="$work/gocache")
  (cd "$place" && env "${environment[@]}" "$work/root/usr/lib/go-$go/bin/go" build -trimpath -ldflags '-s -w' -o "$work/" ./vcsim ./govc) || return 1
  "$work/govc" version || return 1
  # The package's version is the build's.
  basename "$work"/source/golang-github-vmware-govmomi_*.dsc .dsc | sed 's/.*_//' >"$work/version"
}

provide_vcsim() {
  local folder log package
  folder=$(cache_root)/vcsim-$VCSIM_SUITE
  log=$(cache_root)/vcsim-build.log
  mkdir -p "$(cache_root)"
  if ! usable_vcsim "$folder" && ! (
    flock 8
    usable_vcsim "$folder" && exit 0
    say "building vcsim and govc from Debian $VCSIM_SUITE's source package of govmomi: VMware's own simulator and client, for the vSphere driver's tests (1 to 2 minutes, once)"
    for package in "${VCSIM_PACKAGES[@]}"; do say "unpacking ${package%%:*} for it: ${package#*:}"; done
    # Each step ends the function itself: errexit is off within a condition.
    build_vcsim "$folder" >"$log" 2>&1 && usable_vcsim "$folder.new" || exit 1
    chmod -R u+w "$folder.new"
    rm -rf "$folder.new"/{apt,debs,source,root,go,gocache} "$folder"
    mv "$folder.new" "$folder"
  ) 8>"$(cache_root)/vcsim.lock"; then
    [ ! -f "$log" ] || tail -n 3 "$log" >&2
    [ ! -d "$folder.new" ] || { chmod -R u+w "$folder.new"; rm -rf "$folder.new"; }
    say "vcsim and govc could not be built: tests against vSphere are skipped"
    return 0
  fi
  printf 'export DATUM_VCSIM=%q\n' "$folder/vcsim"
  printf 'export DATUM_GOVC=%q\n' "$folder/govc"
}

# Unpacked and never installed.
fetch_vsphereclients() { # FOLDER
  local work=$1.new package
  local -a packages
  say "fetching python3-pyvmomi from Debian: VMware's own Python client, as a witness that isn't ours"
  rm -rf "$work"
  mkdir -p "$work"
  mapfile -t packages < <(apt-cache depends --recurse --no-recommends --no-suggests --no-conflicts --no-breaks --no-replaces \
    --no-enhances python3-pyvmomi | grep -E '^python3-[a-z0-9.-]+$' | sort -u)
  [ ${#packages[@]} -gt 2 ] || return 1
  if ! (cd "$work" && apt-get -q -o APT::Sandbox::User=root download "${packages[@]}") >"$work/log" 2>&1 </dev/null; then
    tail -n 3 "$work/log" >&2
    return 1
  fi
  for package in "$work"/*.deb; do dpkg -x "$package" "$work/root"; done
  PYTHONPATH=$work/root/usr/lib/python3/dist-packages PYTHONDONTWRITEBYTECODE=1 /usr/bin/python3 -s -W ignore -c 'import pyVim.connect' || return 1
  rm -rf "$work"/*.deb "$work/log" "$1"
  mv "$work" "$1"
}

provide_vsphereclients() {
  local folder
  folder=$(cache_root)/vsphereclients
  command -v python3 >/dev/null || ! have_root || install_missing 'python3:runs pyvmomi, a client of vSphere that others wrote'
  mkdir -p "$(cache_root)"
  if [ ! -d "$folder/root" ] && ! (flock 8 && { [ -d "$folder/root" ] || fetch_vsphereclients "$folder"; }) 8>"$(cache_root)/vsphereclients.lock"; then
    rm -rf "$folder.new"
    say "python3-pyvmomi could not be fetched: its tests are skipped"
    return 0
  fi
  printf 'export DATUM_VSPHERE_CLIENTS=%q\n' "$folder"
}

# ---- cloud-init and Ignition --------------------------------------------------------------------------------------------

# Unpacked and never installed: an installed cloud-init would act at this machine's next boot.
fetch_cloudinit() { # FOLDER
  local work=$1.new package
  local -a packages
  say "fetching cloud-init and Ignition from Debian: their checks of what a guest is given"
  rm -rf "$work"
  mkdir -p "$work"
  mapfile -t packages < <(apt-cache depends --recurse --no-recommends --no-suggests --no-conflicts --no-breaks --no-replaces \
    --no-enhances cloud-init | grep -E '^python3-[a-z0-9.-]+$' | sort -u)
  [ ${#packages[@]} -gt 5 ] || return 1
  if ! (cd "$work" && apt-get -q -o APT::Sandbox::User=root download cloud-init ignition "${packages[@]}") >"$work/log" 2>&1 </dev/null; then
    tail -n 3 "$work/log" >&2
    return 1
  fi
  for package in "$work"/*.deb; do dpkg -x "$package" "$work/root"; done
  rm -f "$work"/*.deb
  # Isolated (-I would also drop PYTHONPATH): no module of the user's own.
  cat >"$work/cloud-init" <<'SH'
#!/bin/sh
folder=$(dirname "$(readlink -f "$0")")
PYTHONPATH=$folder/root/usr/lib/python3/dist-packages PYTHONDONTWRITEBYTECODE=1 exec python3 -s "$folder/root/usr/bin/cloud-init" "$@"
SH
  chmod 755 "$work/cloud-init"
  ln -s root/usr/bin/ignition-validate "$work/ignition-validate"
  "$work/cloud-init" --version >/dev/null 2>&1 || return 1
  rm -rf "$1"
  mv "$work" "$1"
}

cloudinit_key() {
  apt-cache policy cloud-init ignition 2>/dev/null | grep -q 'Candidate: [0-9]' || as_root apt-get -q update >/dev/null 2>&1 </dev/null || return 1
  apt-cache policy cloud-init ignition | grep Candidate: | sha256sum | cut -c1-16
}

provide_cloudinit() {
  local folder key
  command -v python3 >/dev/null || ! have_root || install_missing 'python3-minimal:runs cloud-init'"'"'s schema check'
  mkdir -p "$(cache_root)"
  key=$(cloudinit_key) || { say "apt knows no cloud-init: its schema check is skipped"; return 0; }
  folder=$(cache_root)/cloudinit-$key
  if ! (flock 8 && { [ -x "$folder/cloud-init" ] || fetch_cloudinit "$folder"; }) 8>"$(cache_root)/cloudinit.lock"; then
    rm -rf "$folder.new"
    say "cloud-init could not be fetched: its schema check is skipped"
    return 0
  fi
  printf 'export DATUM_CLOUD_INIT=%q\n' "$folder/cloud-init"
  printf 'export DATUM_IGNITION_VALIDATE=%q\n' "$folder/ignition-validate"
}

# ---- VictoriaMetrics ----------------------------------------------------------------------------------------------------

fetch_victoria() { # FOLDER
  local work=$1.new
  rm -rf "$work"
  mkdir -p "$work"
  say "fetching VictoriaMetrics from Debian $VICTORIA_SUITE: a foreign receiver of what export policies send"
  if ! { private_apt "$work/apt" "$VICTORIA_SUITE" apt-get update && (cd "$work" && private_apt "$work/apt" "$VICTORIA_SUITE" apt-get download victoria-metrics); } >"$work/log" 2>&1; then
    tail -n 3 "$work/log" >&2
    return 1
  fi
  dpkg -x "$work"/victoria-metrics_*.deb "$work/unpacked"
  "$work/unpacked/usr/bin/victoria-metrics" -version >/dev/null 2>&1 || return 1
  mv "$work/unpacked/usr/bin/victoria-metrics" "$work/victoria-metrics"
  rm -rf "$work/unpacked" "$work/apt" "$work/log" "$work"/*.deb "$1"
  mv "$work" "$1"
}

provide_victoria() {
  local folder
  folder=$(cache_root)/victoria-$VICTORIA_SUITE
  mkdir -p "$(cache_root)"
  if [ ! -x "$folder/victoria-metrics" ] && ! (flock 8 && { [ -x "$folder/victoria-metrics" ] || fetch_victoria "$folder"; }) 8>"$(cache_root)/victoria.lock"; then
    rm -rf "$folder.new"
    say "VictoriaMetrics could not be fetched: the test with a foreign receiver is skipped"
    return 0
  fi
  printf 'export DATUM_VICTORIA=%q\n' "$folder/victoria-metrics"
}

# ---- guests -------------------------------------------------------------------------------------------------------------

provide_guests() {
  local folder
  if ! have_root; then
    say "no root and no 'sudo -n': the guest of the boot test can't be built"
    return 0
  fi
  install_missing "${GUEST_PACKAGES[@]}"
  mkdir -p "$(cache_root)"
  if folder=$( (flock 8 && as_root "$here/guest-image.sh" "$(cache_root)") 8>"$(cache_root)/guest.lock"); then
    printf 'export DATUM_GUEST_IMAGE=%q\n' "$folder"
  else
    say "the guest of the boot test could not be built"
  fi
}

[ $# -gt 0 ] || { sed -n '2,8s/^# \{0,1\}//p' "${BASH_SOURCE[0]}" >&2; exit 2; }
for what in "$@"; do
  case $what in
    sdk) check_sdk ;;
    podman) provide_podman ;;
    kubectl) provide_kubectl ;;
    realapi) provide_realapi ;;
    cloudinit) provide_cloudinit ;;
    victoria) provide_victoria ;;
    guests) provide_guests ;;
    gcpclients) provide_gcpclients ;;
    pveclients) provide_pveclients ;;
    vcsim) provide_vcsim ;;
    vsphereclients) provide_vsphereclients ;;
    *) fail "unknown tool $what" ;;
  esac
done
if [ -d "$SHARED" ]; then printf 'export DATUM_SHARED=%q\n' "$(cd "$SHARED" && pwd)"; fi
