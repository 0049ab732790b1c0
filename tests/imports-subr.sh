# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash disable=SC2034,SC2119,SC2154
# Cases as in differ-subr.sh, but a real process is patched by the injector while it runs.

. "${top_srcdir:?}/tests/differ-subr.sh"
# shellcheck disable=SC2086
$CC -O1 -D_GNU_SOURCE ${harness_flags--fPIE} -c "$top_srcdir/tests/imports-harness.c" -o harness.o || exit 99
injector=$top_builddir/runtime/syscare-inject
tool=$top_builddir/tests/imports-tool
target_pid=''
trap '[ -z "$target_pid" ] || kill -9 "$target_pid" 2> /dev/null; rm -rf "$work"' EXIT

# the runtime finds the target by its build-id
eval "$(declare -f write_job | sed '1s/write_job/plain_write_job/')"
write_job()
{
    plain_write_job "$@"
    id=$(readelf -n o/out | awk '/Build ID/ { print $3; exit }')
    sed -i "s/\"build_id\":\"[0-9a-f]*\"/\"build_id\":\"$id\"/" job.json
}

# start PROGRAM [VARIABLE=VALUE...]: in $said what it printed first
start()
{
    program=$1
    shift
    rm -f in out_fifo
    mkfifo in out_fifo
    env "$@" "$program" < in > out_fifo 2>&1 &
    target_pid=$!
    exec 7> in 8< out_fifo
    read_line
}

# read_line: one line of the target, in $said
read_line()
{
    IFS= read -r -t 20 -u 8 said || said="no answer"
}

# ask [FUNCTION]: has run(), or that function, called; in $said what it printed
# shellcheck disable=SC2120
ask()
{
    echo "${1:-}" >&7
    read_line
}

stop()
{
    exec 7>&- 8<&-
    kill "$target_pid" 2> /dev/null
    wait "$target_pid" 2> /dev/null
    target_pid=''
}

# inject OPERATION: in $result the result, in $text the rest
inject()
{
    result='' text=''
    read -r result _ text < <("$tool" "$injector" "$1" "$target_pid" "$work/out.patch")
}

# expect WHAT GOT WANTED: remembers a difference in $bad
expect()
{
    [ "$2" = "$3" ] || { echo "# $1: '$2', wanted '$3'"; bad=1; }
}

# lives NAME FUNCTIONS BEFORE AFTER [PROGRAM [VARIABLE=VALUE...]]: syscare-diff makes a patch with
# these changed functions; the running program prints BEFORE, patched AFTER, reverted BEFORE again
lives()
{
    name=$1 functions=$2 before=$3 after=$4
    shift 4
    differ
    if [ "$status" != 0 ] || [ "$(changed)" != "$functions" ]; then
        sed 's/^/# /' log
        echo "# status $status, wanted 0; changed '$(changed)', wanted '$functions'; refused '$(codes)'"
        tap_result 1 "$name"
        return
    fi
    goes "$name" "$before" "$after" "$@"
}

# goes NAME BEFORE AFTER [PROGRAM [VARIABLE=VALUE...]]: the second half of the above
goes()
{
    name=$1 before=$2 after=$3 bad=0
    shift 3
    if [ $# -eq 0 ]; then
        set -- ./o/out
        [ -z "$library" ] || set -- ./o/program
    fi
    start "$@"
    expect "before" "$said" "$before"
    inject apply
    expect "apply ($text)" "$result" PATCHED
    ask
    expect "after" "$said" "$after"
    inject query
    expect "query ($text)" "$result" PATCHED
    inject revert
    expect "revert ($text)" "$result" REVERTED
    ask
    expect "after revert" "$said" "$before"
    stop
    tap_result $bad "$name"
}

# stays NAME BEFORE RESULT TEXT [PROGRAM [VARIABLE=VALUE...]]: this process cannot be patched, the
# reason is given, and it goes on as before
stays()
{
    name=$1 before=$2 wanted=$3 reason=$4 bad=0
    shift 4
    if [ $# -eq 0 ]; then
        set -- ./o/out
        [ -z "$library" ] || set -- ./o/program
    fi
    start "$@"
    inject apply
    expect "apply ($text)" "$result" "$wanted"
    case $text in *"$reason"*) ;; *) expect "reason" "$text" "$reason" ;; esac
    ask
    expect "afterwards" "$said" "$before"
    stop
    tap_result $bad "$name"
}
