#!/bin/bash
# Builds the Debian guest that the boot test starts under QEMU, once, and keeps it outside the checkout:
# kernel, initrd and an ext4 root disk with cloud-init, podman and nftables. Prints the folder's path.
#
#   guest-image.sh CACHEFOLDER
#
# The folder's name holds a hash of the versions of all packages asked for and of this script: a new kernel or podman in
# Debian makes a new image, and older ones are removed. Needs root, debootstrap and mke2fs.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=deploy/dev/lib.sh
. "$here/lib.sh"

SUITE=bookworm
DISK_SIZE=2500M
# The container runtime is crun: smaller and quicker to start than runc under software emulation.
PACKAGES=(
  linux-image-cloud-amd64 initramfs-tools systemd-sysv systemd-resolved dbus udev kmod
  cloud-init podman crun conmon netavark nftables curl iproute2 ca-certificates e2fsprogs
)

usage() { sed -n '5s/^# *//p' "${BASH_SOURCE[0]}" >&2; exit 2; }

mirror_of() { # LABEL
  # shellcheck disable=SC2016 # apt's own placeholder
  apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' "Label: $1" 2>/dev/null | head -n 1
}

image_key() {
  local versions
  versions=$(apt-cache policy "${PACKAGES[@]}" | grep -E '^[a-z0-9]|Candidate:') || fail "apt knows no packages: run apt-get update"
  case $versions in *'(none)'*) fail "apt has no candidate for one of ${PACKAGES[*]}: run apt-get update" ;; esac
  { printf '%s\n' "$versions"; cat "${BASH_SOURCE[0]}"; } | sha256sum | cut -c1-16
}

in_root() { chroot "$root" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8 "$@" </dev/null; }

configure() {
  local mirror=$1 security=$2
  {
    echo "deb [trusted=yes] $mirror $SUITE main"
    [ -z "$security" ] || echo "deb [trusted=yes] $security $SUITE-security main"
  } >"$root/etc/apt/sources.list"
  # No daemon starts during the build.
  printf '#!/bin/sh\nexit 101\n' >"$root/usr/sbin/policy-rc.d"
  chmod 755 "$root/usr/sbin/policy-rc.d"
  mkdir -p "$root/etc/initramfs-tools/conf.d"
  # Only the modules of a virtio machine: the initrd is read by an emulated processor.
  echo 'MODULES=list' >"$root/etc/initramfs-tools/conf.d/datum"
}

install_packages() {
  in_root apt-get -q update
  in_root apt-get -q install -y --no-install-recommends "${PACKAGES[@]}"
  printf '%s\n' virtio_pci virtio_blk virtio_net virtio_console ext4 isofs sr_mod >"$root/etc/initramfs-tools/modules"
  in_root update-initramfs -u -k all
}

finish() {
  local unit
  echo 'LABEL=datum-root / ext4 defaults 0 1' >"$root/etc/fstab"
  # The machine's own network comes up by networkd through cloud-init; no other source of user data is asked.
  cat >"$root/etc/cloud/cloud.cfg.d/95-datum-test.cfg" <<'CFG'
datasource_list: [NoCloud, None]
apt: {preserve_sources_list: true}
locale: false
CFG
  # The test's registry, which QEMU forwards to loopback, has no certificate.
  printf '[[registry]]\nlocation = "10.0.2.100:5000"\ninsecure = true\n' >"$root/etc/containers/registries.conf.d/datum-test.conf"
  in_root systemctl enable systemd-networkd systemd-resolved
  # What only costs time in an emulated guest.
  for unit in apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer e2scrub_all.timer fstrim.timer \
    e2scrub_reap.service podman.service podman.socket podman-restart.service \
    podman-auto-update.service podman-auto-update.timer; do
    ln -sf /dev/null "$root/etc/systemd/system/$unit"
  done
  : >"$root/etc/machine-id"
  rm -rf "$root/usr/sbin/policy-rc.d" "$root"/var/cache/apt/archives/*.deb "$root"/var/lib/apt/lists/* \
    "$root"/usr/share/{doc,man,locale}/*
}

build() { # FOLDER
  local work=$1.new root=$1.new/root mirror security
  mirror=$(mirror_of Debian)
  security=$(mirror_of Debian-Security)
  [ -n "$mirror" ] || fail "apt knows no Debian mirror: add one to its sources"
  rm -rf --one-file-system "$work"
  mkdir -p "$work"
  say "building the Debian guest for the boot test (about 2 minutes, once)"
  # cloud-init is installed in a second step: debootstrap's own order fails on python3-cryptography.
  if ! {
    debootstrap --variant=minbase --include=ca-certificates "$SUITE" "$root" "$mirror" &&
      configure "$mirror" "$security" && mount -t proc proc "$root/proc" &&
      { install_packages; rc=$?; umount "$root/proc"; [ "$rc" = 0 ]; } && finish
  } >"$work/build.log" 2>&1 </dev/null; then
    if mountpoint -q "$root/proc"; then umount "$root/proc"; fi
    tail -n 5 "$work/build.log" >&2
    return 1
  fi
  cp -L "$(find "$root/boot" -name 'vmlinuz-*' | sort | tail -n 1)" "$work/vmlinuz"
  cp -L "$(find "$root/boot" -name 'initrd.img-*' | sort | tail -n 1)" "$work/initrd.img"
  mke2fs -q -t ext4 -L datum-root -O ^has_journal -d "$root" "$work/disk.raw" "$DISK_SIZE" >>"$work/build.log" 2>&1 || return 1
  rm -rf --one-file-system "$root"
  rm -rf --one-file-system "$1"
  mv "$work" "$1"
}

remove_older() { # CACHEFOLDER CURRENT
  find "$1" -maxdepth 1 -type d -name 'guest-*' ! -path "$2" -mtime +7 -exec rm -rf --one-file-system {} +
}

[ $# = 1 ] || usage
[ "$(id -u)" = 0 ] || fail "the guest image needs root: debootstrap makes a chroot"
for tool in debootstrap mke2fs chroot; do
  command -v "$tool" >/dev/null || fail "$tool is missing; run deploy/dev/tools.sh guests"
done
mkdir -p "$1"
cache=$(cd "$1" && pwd)
folder=$cache/guest-$(image_key)
if [ ! -s "$folder/disk.raw" ]; then build "$folder" || fail "the guest image could not be built; see $folder.new/build.log"; fi
remove_older "$cache" "$folder"
printf '%s\n' "$folder"
