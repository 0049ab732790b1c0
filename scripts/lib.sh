# shellcheck shell=bash
# What the demo and the end-to-end tests share: shipped RPMs, a repository, a root that dnf installs
# into, servers and clients of the example, and a syscared of one's own.
# SPDX-License-Identifier: GPL-2.0-or-later
#
# A "world" is one directory with everything in it. Nothing is written elsewhere, every process is
# remembered and ended by world_end, and mounts are made only in a mount namespace of our own
# (world_namespace), so that they vanish with it whatever happens.

# srcdir is the source tree; whoever reads this file sets it.
: "${srcdir:?}"
world='' root='' repo='' spawned='' syscare_command='' syscared_command=''
world_pids=()

export LC_ALL=C

# Which package version a build gets must not depend on the hour; 2026-01-01.
export SOURCE_DATE_EPOCH=1767225600

# Runs the caller's script again in its own mount namespace. Usage: world_namespace "$0" "$@"
world_namespace() {
    if [ -z "${SYSCARE_IN_NAMESPACE:-}" ]; then
        SYSCARE_IN_NAMESPACE=1 exec unshare --mount --propagation private "${BASH:-bash}" "$@"
    fi
    unset SYSCARE_IN_NAMESPACE
}

# Starts a world in DIR, which is emptied. Usage: world_begin DIR
world_begin() {
    world=$1
    world_pids=()
    rm -rf --one-file-system "$world"
    mkdir -p "$world/run" "$world/state" "$world/bpffs" "$world/log" "$world/tmp"
    world=$(cd "$world" && pwd)
    root=$world/root
    repo=$world/repo
    daemon_pid=
    # Debian's rpm keeps a database in the home directory of whoever calls it.
    export TMPDIR=$world/tmp HOME=$world/tmp
}

# Starts a command in the background and remembers it; its pid is in $spawned.
# Usage: world_spawn LOG COMMAND...
world_spawn() {
    local log=$1
    shift
    # It ends with us, even if we are killed.
    setpriv --pdeathsig KILL "$@" >> "$log" 2>&1 < /dev/null &
    spawned=$!
    world_pids+=("$spawned")
}

# True while PID is still the process that we started, and not another that got its number since.
# Usage: world_owns PID
world_owns() {
    grep -qsx "PPid:[[:space:]]*$$" "/proc/$1/status"
}

# Ends one process that world_spawn started and waits for it; its status is the status.
world_reap() {
    ! world_owns "$1" || kill "$1" 2> /dev/null
    wait "$1" 2> /dev/null
}

# Ends all that the world started, last first, and unmounts what it mounted. May be called twice.
world_end() {
    local i pid
    [ -n "${world:-}" ] || return 0
    for ((i = ${#world_pids[@]} - 1; i >= 0; i--)); do
        pid=${world_pids[$i]}
        world_owns "$pid" && kill "$pid" 2> /dev/null || continue
        for _ in $(seq 50); do
            world_owns "$pid" && kill -0 "$pid" 2> /dev/null || break
            sleep 0.1
        done
        ! world_owns "$pid" || kill -9 "$pid" 2> /dev/null
        wait "$pid" 2> /dev/null
    done
    world_pids=()
    if mountpoint -q "$world/bpffs"; then
        umount "$world/bpffs"
    fi
}

# Takes the commands from a tree made by `make install DESTDIR=STAGE`.
# Usage: stage_use STAGE (made with --prefix=/usr or the default prefix)
stage_use() {
    local prefix
    for prefix in "$1/usr" "$1/usr/local"; do
        if [ -x "$prefix/bin/syscare" ]; then
            syscare_command=$prefix/bin/syscare
            syscared_command=$(find "$prefix/sbin" "$prefix/bin" -name syscared 2> /dev/null | head -n 1)
            SYSCARE_LIBEXECDIR=$(dirname "$(find "$prefix" -name syscare-build -path '*libexec*' | head -n 1)")
            export SYSCARE_LIBEXECDIR
            return 0
        fi
    done
    echo "no syscare command below $1" >&2
    return 1
}

# Stages the build in BUILD as `make install` lays it out, and takes the commands from there.
# Usage: stage_make BUILD STAGE
stage_make() {
    rm -rf "$2"
    # The jobserver of a make around us is not ours.
    env -u MAKEFLAGS -u MFLAGS make -s -C "$1" install DESTDIR="$2" && stage_use "$2"
}

# The CLI, talking to the daemon of this world.
syscare() {
    "$syscare_command" --run-dir "$world/run" "$@"
}

is_debian() {
    [ -f /etc/debian_version ]
}

# The distribution's mark in the release of a package (".fc39"), where it has one. What is built
# from a source package must have the same. Usage: dist_of SRPM
dist_of() {
    rpm -qp --qf '%{RELEASE}\n' "$1" 2> /dev/null | sed -n 's/.*\(\.[a-z]\+[0-9][a-z0-9_]*\)$/\1/p'
}

# Options that make rpmbuild build as the distribution does; printed one a line.
# Usage: rpmbuild_options [SRPM]
rpmbuild_options() {
    local dist
    if [ -n "${SYSCARE_RPM_MACROS:-}" ]; then
        printf '%s\n' --load "$SYSCARE_RPM_MACROS"
    elif is_debian; then
        printf '%s\n' --load "$srcdir/examples/rpmmacros.debian"
    fi
    # rpm's own database knows nothing of Debian's packages.
    if is_debian; then
        echo --nodeps
    fi
    dist=$([ $# -eq 0 ] || dist_of "$1")
    if [ -n "$dist" ]; then
        printf '%s\n' --define "dist $dist"
    fi
}

# The same for `syscare build`. Usage: syscare_build_options SRPM
syscare_build_options() {
    local dist
    if [ -n "${SYSCARE_RPM_MACROS:-}" ]; then
        printf '%s\n' --rpm-macros "$SYSCARE_RPM_MACROS"
    elif is_debian; then
        printf '%s\n' --rpm-macros "$srcdir/examples/rpmmacros.debian"
    fi
    dist=$(dist_of "$1")
    if [ -n "$dist" ]; then
        printf '%s\n' --define "dist $dist"
    fi
}

# Builds the RPMs that the distribution would ship from SRPM, in TOPDIR.
# Usage: shipped_build SRPM TOPDIR
shipped_build() {
    local options
    mapfile -t options < <(rpmbuild_options "$1")
    rm -rf "$2"
    mkdir -p "$2/tmp"
    # A package that asks git for its version (redis) must not find the repository around us. A build
    # that fails leaves its script in _tmppath.
    GIT_CEILING_DIRECTORIES=$2 rpmbuild "${options[@]}" --define "_topdir $2" \
        --define "_tmppath $2/tmp" --rebuild "$1" < /dev/null
}

# Prints "-d FILE" for each debuginfo package below TOPDIR, one word a line.
debuginfo_options() {
    find "$1/RPMS" -name '*-debuginfo-*.rpm' -printf '-d\n%p\n'
}

# syscare build for SRPM and FIX, with the debuginfo packages below TOPDIR; the results are in
# $world/patch. Usage: patch_build NAME SRPM FIX TOPDIR [OPTION...]
patch_build() {
    local debuginfo options name=$1 srpm=$2 fix=$3 topdir=$4
    shift 4
    mapfile -t debuginfo < <(debuginfo_options "$topdir")
    mapfile -t options < <(syscare_build_options "$srpm")
    rm -rf "$world/patch"
    mkdir -p "$world/patch" "$world/build"
    "$syscare_command" build -n "$name" -s "$srpm" "${debuginfo[@]}" -p "$fix" "${options[@]}" \
        --build-root "$world/build" -o "$world/patch" "$@" < /dev/null
}

# The RPM that patch_build made.
patch_rpm() {
    find "$world/patch" -name 'patch-*.rpm' ! -name '*.src.rpm' | head -n 1
}

# Puts it into the repository.
patch_publish() {
    cp "$(patch_rpm)" "$repo/" && repo_index
}

# Installs it into the root with dnf.
patch_install() {
    root_dnf install "$(rpm -qp --qf '%{NAME}' "$(patch_rpm)" 2> /dev/null)"
}

# The states of the patch's entities (an executable and a library): one word, if they agree.
patch_states() {
    syscare list | awk 'NR > 1 { print $NF }' | sort -u
}

# An empty RPM that stands for what the host gives to the programs in the root (its libraries, the
# SysCare just built), so that dnf's solver finds it. Usage: host_package DIR
host_package() {
    local spec=$1/host.spec library
    mkdir -p "$1"
    {
        printf 'Name: syscare-host\nVersion: 1\nRelease: 1\nSummary: What the host offers\n'
        printf 'License: GPL-2.0-or-later\nProvides: syscare = 1\nProvides: /bin/sh\n'
        printf 'Provides: /usr/bin/perl\nProvides: /usr/bin/python3\nProvides: rtld(GNU_HASH)\n'
        printf 'Provides: %s\n' /bin/bash /usr/bin/bash /usr/bin/sh /usr/bin/env /usr/bin/pkg-config
        ldconfig -p | awk '/x86-64|AArch64/ { print $NF }' | xargs -r readlink -f | sort -u |
            while read -r library; do
                echo "$library"
            done | /usr/lib/rpm/elfdeps --provides | grep -v PRIVATE | sort -u |
            sed 's/^/Provides: /'
        printf '%%description\nEmpty.\n%%files\n'
    } > "$spec"
    rpmbuild -bb --quiet --define "_topdir $1" --define "_rpmdir $1/RPMS" "$spec" < /dev/null
}

# Makes (or makes anew) the repository from all RPMs in $repo.
repo_index() {
    createrepo_c --quiet --update "$repo"
}

# A repository with the RPMs of TOPDIR but for debug packages, and the host package.
# Usage: repo_make TOPDIR
repo_make() {
    mkdir -p "$repo" || return
    find "$1/RPMS" -name '*.rpm' ! -name '*-debuginfo-*' ! -name '*-debugsource-*' \
        -exec cp {} "$repo" ';' || return
    if is_debian; then
        host_package "$world/host" || return
        find "$world/host/RPMS" -name '*.rpm' -exec cp {} "$repo" ';' || return
    fi
    repo_index
}

# dnf with the world's root, repository, cache and logs. Usage: root_dnf COMMAND...
root_dnf() {
    local repositories=()
    is_debian && repositories=(--disablerepo='*')
    mkdir -p "$root" "$world/dnf"
    [ -f "$world/dnf/dnf.conf" ] || printf '[main]\ngpgcheck=0\npluginpath=%s\n' "$world/dnf" > "$world/dnf/dnf.conf"
    dnf -y -q --config "$world/dnf/dnf.conf" --installroot "$root" --releasever 1 --forcearch "$(uname -m)" \
        --setopt=reposdir="$world/dnf" --setopt=cachedir="$world/dnf/cache" \
        --setopt=logdir="$world/log" --setopt=persistdir="$world/dnf/persist" \
        --setopt=varsdir="$world/dnf" --setopt=keepcache=0 --setopt=metadata_expire=0 \
        "${repositories[@]}" --repofrompath="world,file://$repo" --enablerepo=world \
        "$@" < /dev/null
}

# Where the libraries of the root are.
root_library_path() {
    echo "$root/usr/lib64:$root/usr/lib"
}

# Runs a program of the root with the root's libraries. Usage: root_run PROGRAM ARGUMENT...
root_run() {
    local program=$1
    shift
    LD_LIBRARY_PATH=$(root_library_path) "$root$program" "$@"
}

# Starts a program of the root and remembers it. Usage: root_spawn LOG PROGRAM ARGUMENT...
root_spawn() {
    local log=$1 program=$2
    shift 2
    world_spawn "$log" env LD_LIBRARY_PATH="$(root_library_path)" "$root$program" "$@"
}

# Waits until a command succeeds. Usage: wait_until SECONDS COMMAND...
wait_until() {
    local deadline=$((SECONDS + $1))
    shift
    until "$@" > /dev/null 2>&1; do
        [ "$SECONDS" -lt "$deadline" ] || return 1
        sleep 0.1
    done
}

# Starts a syscared with directories of its own and waits until it answers.
daemon_start() {
    if ! mountpoint -q "$world/bpffs"; then
        mount -t bpf bpf "$world/bpffs" || return
    fi
    # The settings of the host's own syscared are none of ours.
    : > "$world/syscared.conf"
    world_spawn "$world/log/syscared.log" "$syscared_command" --foreground \
        --config "$world/syscared.conf" --run-dir "$world/run" \
        --state-dir "$world/state" --patch-dir "$root/usr/lib/syscare/patches" --trust-parents \
        --bpffs "$world/bpffs/syscare" --root "$root" --libexec-dir "$SYSCARE_LIBEXECDIR"
    daemon_pid=$spawned
    if ! wait_until 20 syscare list; then
        echo "syscared does not answer; its log:" >&2
        tail -n 20 "$world/log/syscared.log" >&2
        return 1
    fi
}

daemon_stop() {
    world_reap "$daemon_pid"
    daemon_pid=
}

# The example as a distribution would ship it, in a repository and installed into the root.
example_srpm() {
    find "$world/srpm" -name 'kvd-1.0-1*.src.rpm'
}

example_fix() {
    echo "$srcdir/examples/kvd/fix.patch"
}

example_make_srpm() {
    local options
    mapfile -t options < <(rpmbuild_options)
    "$srcdir/examples/kvd/make-srpm" "$world/srpm" "${options[@]}"
}

example_ship() {
    example_make_srpm &&
        shipped_build "$(example_srpm)" "$world/shipped" &&
        repo_make "$world/shipped" && root_dnf install kvd
}

# The example: a kvd that chooses its port. Its pid and port are in the variables named.
# Usage: kvd_start LOG PID_VARIABLE PORT_VARIABLE
kvd_start() {
    local line
    : > "$1"
    root_spawn "$1" /usr/bin/kvd 0 correct-horse || return
    printf -v "$2" '%s' "$spawned"
    wait_until 10 grep -q 'listens on port' "$1" || return
    line=$(grep -m1 'listens on port' "$1")
    printf -v "$3" '%s' "${line##* }"
}

# Sends request lines to a kvd over one connection. Usage: kvd_ask PORT LINE...
kvd_ask() {
    root_run /usr/bin/kvtool ask "$@"
}

# Does a kvd run the old or the new code? Prints "vulnerable", "fixed", or what it said.
# "ECHO 24 hi" says that it sends 24 bytes and sends 2: the old code hands out 22 bytes of the line before.
kvd_library_state() {
    local reply
    reply=$(kvd_ask "$1" 'SET token 12 s3cret-token' 'ECHO 24 hi' 2>&1 | tail -n 1)
    echo_reply_state "$reply"
}

echo_reply_state() {
    case $1 in
    '-ERR the text is shorter than its size') echo fixed ;;
    \$'24 hi'*) echo vulnerable ;;
    *) echo "unexpected reply: $1" ;;
    esac
}

# The same for the server's own fault: it takes an empty password for the right one.
kvd_server_state() {
    local reply
    reply=$(kvd_ask "$1" 'AUTH ' NOTES 2>&1 | tail -n 1)
    case $reply in
    '-ERR AUTH first') echo fixed ;;
    "+the administrator's notes") echo vulnerable ;;
    *) echo "unexpected reply: $reply" ;;
    esac
}

# A kvtool that will load libkv with dlopen when late_open asks it to. Usage: late_start
late_start() {
    mkfifo "$world/late.in" || return
    : > "$world/log/late.log"
    LD_LIBRARY_PATH=$(root_library_path) setpriv --pdeathsig KILL \
        "$root/usr/bin/kvtool" late libkv.so.1 \
        < "$world/late.in" >> "$world/log/late.log" 2>&1 &
    world_pids+=("$!")
    exec {late_fd}> "$world/late.in"
    wait_until 10 grep -q waiting "$world/log/late.log"
}

# Sends it a line and prints its answer. Usage: late_ask LINE
late_ask() {
    local before
    before=$(wc -l < "$world/log/late.log")
    echo "$1" >&"$late_fd"
    for _ in $(seq 100); do
        if [ "$(wc -l < "$world/log/late.log")" -gt "$before" ]; then
            tail -n 1 "$world/log/late.log"
            return 0
        fi
        sleep 0.1
    done
    echo "no answer"
    return 1
}

late_state() {
    echo_reply_state "$(late_ask 'ECHO 24 hi')"
}
