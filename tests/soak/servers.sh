#!/bin/bash
# redis, nginx and mosquitto as the distribution ships them, under load, while patches come and go
# SOAK_CYCLES (1000) times: no request fails.
# SPDX-License-Identifier: GPL-2.0-or-later
set -uo pipefail
srcdir=${top_srcdir:?} builddir=${top_builddir:?}
# shellcheck source=tests/tap-subr.sh
. "$srcdir/tests/tap-subr.sh"
# shellcheck source=tests/daemon-subr.sh
. "$srcdir/tests/daemon-subr.sh"
[ "$(id -u)" -eq 0 ] || tap_skip_all "needs root: it attaches to processes"
world_namespace "$0" "$@"
trap world_end EXIT
cycles=${SOAK_CYCLES:-1000} port=$((20000 + $$ % 10000))

# Our own copy of the server, with a build-id of its own. Usage: take_server PROGRAM
take_server() {
    local file=$root/usr/bin/$1 id
    id=$(readelf -n "$(command -v "$1")" | awk '/Build ID/ { print length($3) / 2; exit }')
    [ "$id" = 20 ] || { echo "$1 has no build-id of 20 bytes"; return 1; }
    { printf '\4\0\0\0\24\0\0\0\3\0\0\0GNU\0'; head -c 20 /dev/urandom; } > "$world/note"
    objcopy --update-section .note.gnu.build-id="$world/note" "$(command -v "$1")" "$file"
}

# Usage: make_server_patch PROGRAM BYTE NAME
make_server_patch() {
    local dir byte
    dir=$patches/$(uuid_of "$2") byte=$(printf '%02x' $((0x$2 + 1)))
    mkdir -p "$dir" && python3 "$srcdir/tests/soak/detour.py" "$dir/$1" "$root/usr/bin/$1" "$byte" 300 &&
        "$builddir/tests/daemon-patch-info" "$dir" "$(uuid_of "$2")" "$3" 1.0 \
            "$(uuid_of "$byte")" "$1" "/usr/bin/$1" "$root/usr/bin/$1"
}

start_redis-server() {
    "$root/usr/bin/redis-server" --port "$port" --save '' --daemonize no --bind 127.0.0.1 \
        --dir "$world" > "$world/redis-server.log" 2>&1 &
    world_pids+=("$!")
}

start_nginx() {
    mkdir -p "$world/www" "$world/logs" && head -c 4096 /dev/zero | tr '\0' x > "$world/www/file"
    cat > "$world/nginx.conf" << END
daemon off; worker_processes 2; user root; pid $world/nginx.pid; error_log $world/nginx.log;
events { worker_connections 256; }
http { access_log off; client_body_temp_path $world/logs; proxy_temp_path $world/logs;
  fastcgi_temp_path $world/logs; uwsgi_temp_path $world/logs; scgi_temp_path $world/logs;
  server { listen 127.0.0.1:$port; root $world/www; } }
END
    "$root/usr/bin/nginx" -c "$world/nginx.conf" > "$world/nginx.out" 2>&1 &
    world_pids+=("$!")
}

start_mosquitto() {
    printf 'listener %s 127.0.0.1\nallow_anonymous true\nuser root\n' "$port" > "$world/mosquitto.conf"
    "$root/usr/bin/mosquitto" -c "$world/mosquitto.conf" > "$world/mosquitto.log" 2>&1 &
    world_pids+=("$!")
}

wait_port() {
    for _ in $(seq 100); do
        (exec 9<> "/dev/tcp/127.0.0.1/$port") 2> /dev/null && return 0
        sleep 0.1
    done
    return 1
}

# Usage: cycle NAME
cycle() {
    local count status partial=0
    for ((count = 0; count < cycles; count++)); do
        for verb in apply remove; do
            ctl "$verb" "$1" > /dev/null 2>> "$world/errors"
            status=$?
            [ "$status" -eq 0 ] || [ "$status" -eq 5 ] || { echo "$verb ended with $status"; return 1; }
            partial=$((partial + (status == 5)))
        done
    done
    echo "# $cycles cycles of $1, $partial done in part" >&3
}

# Usage: soak PROGRAM BYTE LOAD
soak() {
    local load name=${1//-/_}
    port=$((port + 1))
    tap_that "${name}_is_taken" take_server "$1" &&
        tap_that "patch_of_${name}_is_made" make_server_patch "$1" "$2" "$name" || return
    ctl rescan > /dev/null
    "start_$1"
    tap_that "${name}_answers" wait_port || return
    mkfifo "$world/$name.stop"
    python3 "$srcdir/tests/soak/load.py" "$3" "$port" < "$world/$name.stop" > "$world/$name.load" \
        2> "$world/$name.failures" &
    load=$!
    exec 8> "$world/$name.stop"
    tap_that "${name}_is_patched_$cycles""_times" cycle "$name"
    tap_that "${name}_runs_patched_code" eval "ctl apply $name > /dev/null &&
        ctl -v status $name | tee '$world/$name.status' | grep -q ': patched$'"
    sleep 1
    exec 8>&-
    tap_that "no_request_to_${name}_failed" wait "$load"
    echo "# $name: $(cat "$world/$name.load")"
    ctl remove "$name" > /dev/null
    kill "${world_pids[-1]}"
}

exec 3>&1
world_begin "$builddir/tests/soak-servers.world" > "$builddir/tests/soak-servers.log" 2>&1 ||
    { sed 's/^/# /' "$builddir/tests/soak-servers.log"; tap_bail "no world"; }
tap_that "daemon_starts" daemon_start --audit-interval 1 || tap_bail "no daemon"
for server in ${SOAK_SERVERS:-redis-server:40:redis nginx:50:nginx mosquitto:60:mosquitto}; do
    IFS=: read -r program byte load <<< "$server"
    if command -v "$program" > /dev/null; then
        soak "$program" "$byte" "$load"
    else
        tap_result 0 "${program}_is_patched # SKIP $program is not installed"
    fi
done
tap_that "daemon_ends" daemon_stop
tap_done
