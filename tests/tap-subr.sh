# shellcheck shell=bash
# TAP for the shell tests of the whole product: results, and when to skip.
# SPDX-License-Identifier: GPL-2.0-or-later

tap_count=0
tap_failed=0

# One result. Usage: tap_result STATUS NAME
tap_result() {
    tap_count=$((tap_count + 1))
    if [ "$1" -eq 0 ]; then
        echo "ok $tap_count - $2"
    else
        echo "not ok $tap_count - $2"
        tap_failed=1
    fi
    return "$1"
}

# The command succeeds; otherwise what it said is shown. Usage: tap_that NAME COMMAND...
tap_that() {
    local name=$1 output status
    shift
    # A file, not $(...): the command may set variables and start processes.
    output=$(mktemp "${TMPDIR:-/tmp}/tap.XXXXXX")
    "$@" > "$output" 2>&1
    status=$?
    [ "$status" -eq 0 ] || tail -n 20 "$output" | sed "s/^/# /"
    rm -f "$output"
    tap_result "$status" "$name"
}

# The command prints exactly this. Usage: tap_prints NAME WANTED COMMAND...
tap_prints() {
    local name=$1 wanted=$2 got status=0
    shift 2
    got=$("$@" 2>&1)
    if [ "$got" != "$wanted" ]; then
        printf 'wanted: %s\ngot: %s\n' "$wanted" "$got" | sed 's/^/# /'
        status=1
    fi
    tap_result "$status" "$name"
}

# The command ends with this status (a pattern, as [13]) and says this (an extended regular
# expression). Usage: tap_refuses NAME STATUS PATTERN COMMAND...
tap_refuses() {
    local name=$1 wanted=$2 pattern=$3 got status
    shift 3
    got=$("$@" 2>&1)
    status=$?
    # shellcheck disable=SC2053 # a pattern is wanted
    if [[ $status != $wanted ]] || ! grep -qE -- "$pattern" <<< "$got"; then
        printf 'wanted status %s and "%s"; got status %s and:\n%s\n' "$wanted" "$pattern" \
            "$status" "$(tail -n 15 <<< "$got")" | sed 's/^/# /'
        tap_result 1 "$name"
        return
    fi
    tap_result 0 "$name"
}

# All results are out.
tap_done() {
    echo "1..$tap_count"
    exit "$tap_failed"
}

# The rest makes no sense without what just failed.
tap_bail() {
    echo "Bail out! $1"
    exit 1
}

# Nothing of this test can run here.
tap_skip_all() {
    echo "1..0 # SKIP $1"
    exit 0
}

# Skips the whole test where processes cannot be patched, or in a quick run.
tap_need_machine() {
    if [ "${SYSCARE_TESTS:-}" = quick ]; then
        tap_skip_all "a quick run was asked for (SYSCARE_TESTS=quick)"
    fi
    if [ "$(id -u)" -ne 0 ]; then
        tap_skip_all "needs root: it attaches to processes"
    fi
    if ! unshare --mount true 2> /dev/null; then
        tap_skip_all "needs a mount namespace of its own (unshare --mount is not allowed here)"
    fi
    for tool in rpmbuild dnf createrepo_c; do
        if ! command -v "$tool" > /dev/null; then
            tap_skip_all "needs $tool"
        fi
    done
}
