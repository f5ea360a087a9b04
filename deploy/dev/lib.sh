# shellcheck shell=bash
# Helpers for the scripts of this checkout: messages, background processes with pid files, free ports.
# Sourced, never run. Callers set `set -euo pipefail`.

say() { printf '%s\n' "$*" >&2; }
fail() { say "error: $*"; exit 1; }

# The start time of a process in clock ticks since boot. With the pid it names one process for good:
# a pid alone may belong to somebody else by the time that we stop it.
process_started() { # PID
  local stat
  # Not $(<file): where the file is missing that ends the whole script.
  read -r stat 2>/dev/null <"/proc/$1/stat" || return 1
  # The command name stands in parentheses and may hold blanks: cut behind the last one. Then field 1 is the state.
  local -a fields
  read -ra fields <<<"${stat##*) }"
  [ "${fields[0]}" != Z ] || return 1
  printf '%s\n' "${fields[19]}"
}

# Prints the pid when the recorded process still runs, else fails.
running_pid() { # PIDFILE
  local pid started
  [ -f "$1" ] || return 1
  read -r pid started <"$1" || return 1
  [ "$(process_started "$pid")" = "$started" ] || return 1
  printf '%s\n' "$pid"
}

# Starts a process of its own session with its output in a file, and records it. Inherited descriptors are closed:
# an open pipe would make CI wait for the daemon, and an open lock file would keep the lock held.
start_daemon() { # PIDFILE LOGFILE COMMAND...
  local pidfile=$1 log=$2 pid fd
  shift 2
  (
    for fd in /proc/"$BASHPID"/fd/*; do
      fd=${fd##*/}
      if [ "$fd" -gt 2 ] && [ "$fd" -ne 255 ]; then eval "exec $fd>&-"; fi
    done
    exec setsid "$@"
  ) >>"$log" 2>&1 </dev/null &
  pid=$!
  printf '%s %s\n' "$pid" "$(process_started "$pid")" >"$pidfile"
}

# Ends the recorded process: SIGTERM, after SECONDS SIGKILL. Without a running process it only removes the file.
stop_daemon() { # PIDFILE [SECONDS]
  local pid deadline=$((SECONDS + ${2:-10}))
  if pid=$(running_pid "$1"); then
    kill -TERM "$pid" 2>/dev/null || true
    while running_pid "$1" >/dev/null; do
      if [ "$SECONDS" -ge "$deadline" ]; then kill -KILL "$pid" 2>/dev/null || true; fi
      sleep 0.05
    done
  fi
  rm -f "$1"
}

# Waits until a command succeeds; fails after SECONDS.
wait_until() { # SECONDS COMMAND...
  local deadline=$((SECONDS + $1))
  shift
  until "$@"; do
    [ "$SECONDS" -lt "$deadline" ] || return 1
    sleep 0.1
  done
}

port_is_free() { # PORT
  # /dev/tcp connects only when somebody listens.
  ! (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null
}

# Prints the first of COUNT free neighbouring loopback ports below the ephemeral range (32768 and up on Linux), where no
# outgoing connection can take one between this check and its use.
free_port() { # [COUNT]
  local count=${1:-1} try port i
  for try in $(seq 1 200); do
    port=$((15000 + (RANDOM * 32768 + RANDOM + try) % 17000))
    for ((i = 0; i < count; i++)); do port_is_free $((port + i)) || continue 2; done
    printf '%s\n' "$port"
    return 0
  done
  fail "no free loopback port found"
}

# A port for this state folder: taken once, then kept, so that what was written with it stays valid.
kept_port() { # FILE [COUNT]
  [ -s "$1" ] || free_port "${2:-1}" >"$1"
  cat "$1"
}

# Containers and their networks need root: runs the script again under `sudo -n`. Without it the script goes on as it is.
become_root() { # SCRIPT ARGUMENT...
  if [ "$(id -u)" = 0 ] || ! sudo -n true 2>/dev/null; then return 0; fi
  local -a variables=(PATH="$PATH" HOME="$HOME" DATUM_BUILD_AS="$(id -u)" CI="${CI:-}")
  local name
  for name in "${!DATUM_@}" "${!DOTNET_@}" "${!NUGET_@}"; do variables+=("$name=${!name}"); done
  say "using sudo: Podman's containers and networks need root"
  exec sudo -n env "${variables[@]}" "$@"
}

# What is built stays with the person who called, also when become_root made us root.
as_builder() { # COMMAND...
  if [ -n "${DATUM_BUILD_AS:-}" ] && [ "$(id -u)" = 0 ]; then
    sudo -n -u "#$DATUM_BUILD_AS" env PATH="$PATH" HOME="$HOME" "$@"
  else
    "$@"
  fi
}
