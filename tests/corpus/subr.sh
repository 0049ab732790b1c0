# shellcheck shell=bash
# One package of the corpus built as the distribution does it, and one case of it tried.
# SPDX-License-Identifier: GPL-2.0-or-later
#
# run.sh sets: corpus (its directory), out (where everything is kept), scratch and
# stage (of this run), srcdir, builddir; scripts/lib.sh is read.
: "${corpus:?}" "${out:?}" "${srcdir:?}" "${builddir:?}" "${scratch:?}" "${stage:?}" "${root=}" "${world=}"

# Seconds since $1, with one digit after the point.
seconds_since() {
    awk -v from="$1" -v to="$EPOCHREALTIME" 'BEGIN { printf "%.1f", to - from }'
}

srpm_of() {
    find "$corpus/$1" -name '*.src.rpm' | head -n 1
}

# A patch's name has no '-'.
patch_name_of() {
    echo "${1//-/_}"
}

# --- the package as it is shipped ---------------------------------------------------------------

# What a capture depends on: the package, the macros, the compiler, and what records.
reference_key() {
    {
        cat "$(srpm_of "$1")" "${SYSCARE_RPM_MACROS:-/dev/null}"
        gcc --version
        ld --version
        cat "$srcdir"/gcc-plugin/*.cc "$srcdir"/wrappers/{shim,as_,ld_,link_,object_note,response,capture}*.c \
            "$srcdir"/rpmtools/{stage,unnote,capture}*.c "$srcdir/packaging/macros.syscare.in"
    } | sha256sum
}

# Builds the package once with a capture, unless it is there or being made. Usage: reference_make PACKAGE
reference_make() {
    mkdir -p "$out/reference" || return
    (flock 8 && reference_make_locked "$1") 8> "$out/reference/$1.lock"
}

reference_make_locked() {
    local dir=$out/reference/$1 key options from=$EPOCHREALTIME
    key=$(reference_key "$1")
    [ "$(cat "$dir/key" 2> /dev/null)" != "$key" ] || return 0
    rm -rf "$dir"
    mkdir -p "$dir/top/tmp"
    mapfile -t options < <(rpmbuild_options "$(srpm_of "$1")")
    # rpmbuild takes what several --load give, in their order.
    GIT_CEILING_DIRECTORIES=$dir rpmbuild "${options[@]}" --load "$stage/usr/lib/rpm/macros.d/macros.syscare" \
        --define "_syscare_libexecdir $SYSCARE_LIBEXECDIR" --define '_syscare 1' --define "_topdir $dir/top" \
        --define "_tmppath $dir/top/tmp" --rebuild "$(srpm_of "$1")" < /dev/null || return
    rm -rf "$dir/top/BUILD" "$dir/top/BUILDROOT" "$dir/top/tmp"
    seconds_since "$from" > "$dir/seconds"
    echo "$key" > "$dir/key"
}

capture_of() {
    find "$out/reference/$1/top/RPMS" -name '*.syscare-capture.tar.zst'
}

# Names of the packages that a user installs. Usage: package_names PACKAGE
package_names() {
    find "$out/reference/$1/top/RPMS" -name '*.rpm' ! -name '*-debuginfo-*' ! -name '*-debugsource-*' \
        -exec rpm -qp --qf '%{NAME}\n' {} + 2> /dev/null
}

# The package in a root of its own, and a daemon that looks at that root. Usage: package_install PACKAGE
package_install() {
    local names
    world_end
    world_begin "$scratch/world"
    mapfile -t names < <(package_names "$1")
    repo_make "$out/reference/$1/top" && root_dnf install "${names[@]}" && daemon_start
}

# --- programs that run ----------------------------------------------------------------------------

# What the machine shows of every function here: the pid that it started is in $spawned.

# Starts what a probe asks, in $world/NAME. Usage: probe_start CVE NAME
probe_start() {
    echo "$1 $2" >> "$world/probes"
    "$corpus/probe.py" start "$1" --root "$root" --work "$world/$2" < /dev/null > "$world/$2.started" || return
    spawned=$(sed -n 's/.*"target": *\([0-9]*\).*/\1/p' "$world/$2.started")
}

# FIXED, VULNERABLE or ERROR; the exit status only repeats the word. Usage: probe_check NAME
probe_check() {
    "$corpus/probe.py" check --work "$world/$1" < /dev/null || true
}

# Ends all that probes have started.
probes_end() {
    local name
    [ -s "${world:-/nonexistent}/probes" ] || return 0
    while read -r _ name; do
        [ ! -f "$world/$name/state.json" ] || "$corpus/probe.py" stop --work "$world/$name" < /dev/null
    done < "$world/probes"
    rm -f "$world/probes"
}

# The kind of the case's probe (call, fork, crash…), or nothing if it has none. Usage: probe_kind CVE
probe_kind() {
    "$corpus/probe.py" list | awk -F '\t' -v cve="$1" '$1 == cve { print $4 }'
}

# A probe of the package that starts its program: cases without one of their own run that.
# Usage: probe_of_package PACKAGE
probe_of_package() {
    "$corpus/probe.py" list | awk -F '\t' -v package="$1" '$2 == package && $4 == "call" { print $1; exit }'
}

# True if the program of a probe is FILE. Usage: probe_runs CVE FILE
probe_runs() {
    [ "$("$corpus/probe.py" list | awk -F '\t' -v cve="$1" '$1 == cve { print $3 }')" = "$(basename "$2")" ]
}

# A process that has loaded a library of the root with dlopen. Usage: mapper_start LIBRARY NAME
mapper_start() {
    [ "$out/mapper" -nt "$srcdir/tests/corpus/mapper.c" ] || gcc -O1 -g -o "$out/mapper" "$srcdir/tests/corpus/mapper.c" || return
    local others
    mapfile -t others < <(find "$root/usr/lib64" -maxdepth 1 -name 'lib*.so.*' -type f ! -path "$root$1" | sort)
    : > "$world/log/$2"
    world_spawn "$world/log/$2" env LD_LIBRARY_PATH="$(root_library_path)" "$out/mapper" "$root$1" "${others[@]}"
    wait_until 30 grep -q loaded "$world/log/$2"
}

# An nginx with one of its modules. Usage: nginx_start MODULE NAME
nginx_start() {
    local dir=$world/$2
    mkdir -p "$dir/logs" || return
    cat > "$dir/conf" << END
load_module $root$1; daemon off; master_process off; pid $dir/pid; error_log $dir/logs/error.log;
events {}
END
    world_spawn "$world/log/$2" env LD_LIBRARY_PATH="$(root_library_path)" \
        "$root/usr/sbin/nginx" -p "$dir" -c "$dir/conf" -e "$dir/logs/start.log"
    wait_until 30 maps_file "$spawned" "$1"
}

# Starts something that maps FILE of the root, where it is known how: 77 where not.
# Usage: mapping_start PACKAGE FILE NAME
mapping_start() {
    local probe
    case $2 in
    */nginx/modules/*) nginx_start "$2" "$3" ;;
    *.so | *.so.*) mapper_start "$2" "$3" ;;
    *)
        probe=$(probe_of_package "$1")
        [ -n "$probe" ] && probe_runs "$probe" "$2" || return 77
        probe_start "$probe" "$3" && maps_file "$spawned" "$2"
        ;;
    esac
}

# Usage: maps_file PID FILE
maps_file() {
    grep -q " $(realpath "$root$2")\$" "/proc/$1/maps"
}
