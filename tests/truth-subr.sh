# shellcheck shell=bash
# What the tests of states, rights and switches share, on top of daemon-subr.sh.
# SPDX-License-Identifier: GPL-2.0-or-later

declare -A target_pid

# The word that status has for a target. Usage: state_of NAME ID
state_of() {
    ctl -v status "$2" | awk -v pid="${target_pid[$1]}" '$1 == pid { sub(/:$/, "", $3); print $3 }' |
        sort -u
}

# Usage: becomes NAME old|new
becomes() {
    local end=$((SECONDS + 15))
    until [ "$(ask "$1" call)" = "$2" ]; do
        [ "$SECONDS" -lt "$end" ] || return 1
        sleep 0.05
    done
}

# How often a patch of the program is mapped, from its installed file or a copy. Usage: count_mappings NAME BYTE
count_mappings() {
    grep -c " r-.p 00000000 .*/$(uuid_of "$2")/sctarget" "/proc/${target_pid[$1]}/maps"
}

build_id_note() {
    printf '\4\0\0\0\24\0\0\0\3\0\0\0GNU\0abcdefghijklmnopqrst'
}
