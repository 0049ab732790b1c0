#!/bin/bash
# `syscare build` with input that is wrong: a clear message, the right exit status, nothing written.
# SPDX-License-Identifier: GPL-2.0-or-later
set -u
# shellcheck source=tests/build-subr.sh
. "${top_srcdir:?}/tests/build-subr.sh"

sources=$work/tiny
shipped=$work/shipped
mkdir -p "$shipped"
write_sources "$sources"
make_srpm "$sources" 1.0 "$shipped" "$plain_build" || tap_bail "no source package"
ship "$shipped" || tap_bail "the package cannot be built"
make_patch "$sources" "$work/code.patch" sed -i 's/return 1000/return 100/' prog/other.c
syscare_build=$top_builddir/rpmtools/syscare-build

# --- the command line -------------------------------------------------------------------------

given=(-s "$(echo "$shipped"/*.src.rpm)" -d "$(debuginfo_of "$shipped")" -p "$work/code.patch"
    --build-root "$work/args" -o "$work/args")
mkdir -p "$work/args"
tap_refuses "name_with_a_dash_is_refused" 2 "no '-'" "$syscare_build" -n HP-1 "${given[@]}"
tap_refuses "name_is_needed" 2 "-n NAME is missing" "$syscare_build" "${given[@]}"
tap_refuses "zero_jobs_are_refused" 2 "jobs 0" "$syscare_build" -n T1 "${given[@]}" -j 0
tap_refuses "words_as_jobs_are_refused" 2 "jobs 2x" "$syscare_build" -n T1 "${given[@]}" -j 2x
tap_refuses "kernel_options_are_refused" 2 "kernel" "$syscare_build" -n T1 "${given[@]}" -k x
tap_refuses "two_sources_are_refused" 2 "kernel modules" "$syscare_build" -n T1 "${given[@]}" -s b
tap_refuses "unknown_option_is_named" 2 "unknown option --frob" "$syscare_build" --frob
tap_refuses "stray_word_is_named" 2 "'stray'" "$syscare_build" -n T1 stray
tap_refuses "bad_cve_is_refused" 2 "CVE-2025" "$syscare_build" -n T1 "${given[@]}" --cve 2025-1
tap_refuses "debuginfo_is_needed" 2 "-d DEBUGINFO_RPM is missing" \
    "$syscare_build" -n T1 -s "$shipped"/*.src.rpm -p "$work/code.patch"
tap_refuses "missing_file_is_named" 1 "/no/such/file: No such file" \
    "$syscare_build" -n T1 "${given[@]}" -p /no/such/file
tap_refuses "binary_package_as_source_is_told" 1 "is a binary package" "$syscare_build" -n T1 \
    -s "$(debuginfo_of "$shipped")" "${given[@]:2}"
tap_refuses "source_package_as_debuginfo_is_told" 1 "is a source package" "$syscare_build" -n T1 \
    "${given[@]}" -d "$(echo "$shipped"/*.src.rpm)"
printf 'not an RPM' > "$work/rubbish.rpm"
tap_refuses "rubbish_as_source_is_told" 1 "rubbish.rpm" "$syscare_build" -n T1 \
    -s "$work/rubbish.rpm" "${given[@]:2}"
head -c 3000 "$(echo "$shipped"/*.src.rpm)" > "$work/short.rpm"
tap_refuses "truncated_source_is_told" 1 "short.rpm" "$syscare_build" -n T1 \
    -s "$work/short.rpm" "${given[@]:2}"
all_options_are_in_the_help() {
    local option
    for option in --patch-name --source --source-rpm --debuginfo --patch --patch-arch \
        --patch-version --patch-release --patch-description --patch-requires --cve --define \
        --rpm-macros --with --without --build-root --output --jobs --skip-compiler-check \
        --no-entry-jumps --skip-cleanup --explain --json --verbose --full --nodeps; do
        "$syscare_build" --help | grep -qE -- "(^| )$option\b" || {
            echo "$option is not in the help"
            return 1
        }
    done
}
tap_that "all_options_are_in_the_help" all_options_are_in_the_help

# --- patches ----------------------------------------------------------------------------------

sed 's/return 1000/return 2000/' "$work/code.patch" > "$work/other.patch"
tap_refuses "patch_that_does_not_apply_names_file_and_hunk" 1 \
    "other.patch does not apply: prog/other.c: hunk #1 FAILED" \
    build_patch "$work/o" "$shipped" "$work/other.patch"
tap_that "directory_and_log_stay_after_a_failure" says "$work/o" "^log: $work/o/root/syscare-build-T1-.*/build.log"
tap_that "the_log_is_really_there" sh -c "test -s '$work'/o/root/syscare-build-T1-*/build.log"
tap_prints "no_package_is_written_after_a_failure" "" find "$work/o/rpms" -mindepth 1
sed 's,prog/other.c,prog/none.c,' "$work/code.patch" > "$work/none.patch"
tap_refuses "patch_of_a_file_that_is_not_there_names_it" 1 "prog/none.c: the package has no such file" \
    build_patch "$work/o" "$shipped" "$work/none.patch"
printf 'nothing\n' > "$work/nothing.patch"
tap_refuses "file_that_is_no_patch_is_told" 1 "nothing.patch" \
    build_patch "$work/o" "$shipped" "$work/nothing.patch"

make_patch "$sources" "$work/docs.patch" sh -c 'echo more >> README.md'
tap_refuses "patch_of_documentation_has_nothing_to_patch" 4 "nothing to patch" \
    build_patch "$work/o" "$shipped" "$work/docs.patch"
tap_that "that_is_known_before_the_package_is_built" \
    sh -c "! grep '%build' '$work/o/stderr'"
make_patch "$sources" "$work/tests.patch" sed -i 's/return 0/return 1/' tests/check.c
tap_refuses "patch_of_a_test_program_has_nothing_to_patch" 4 "nothing to patch" \
    build_patch "$work/o" "$shipped" "$work/tests.patch"
make_patch "$sources" "$work/comment.patch" sed -i 's/up, scaled/up and scales/' lib/tiny.c
tap_refuses "patch_of_a_comment_has_nothing_to_patch" 4 "nothing to patch" \
    build_patch "$work/o" "$shipped" "$work/comment.patch"
tap_prints "nothing_is_left_behind_then" "" find "$work/o/root" "$work/o/rpms" -mindepth 1
make_patch "$sources" "$work/broken.patch" sed -i 's/return 1000/return nonsense/' prog/other.c
tap_refuses "patched_source_that_does_not_compile_shows_the_compilers_message" 1 \
    "error: .*nonsense.* undeclared" build_patch "$work/o" "$shipped" "$work/broken.patch"

# --- packages ---------------------------------------------------------------------------------

sed -i 's/-o $@ $</-o $@ $< --no-such-option/' "$work/a/Makefile"
mkdir -p "$work/uncompilable"
make_srpm "$work/a" 1.0 "$work/uncompilable" "$plain_build"
mkdir -p "$work/uncompilable/top"
cp -r "$shipped/top/RPMS" "$work/uncompilable/top/"
tap_refuses "source_package_that_does_not_build_shows_the_last_lines" 1 "no-such-option" \
    build_patch "$work/o" "$work/uncompilable" "$work/code.patch"

mkdir -p "$work/newer"
make_srpm "$sources" 1.1 "$work/newer" "$plain_build" && ship "$work/newer"
mv "$work/newer/tiny-1.1-1.src.rpm" "$work/newer/kept"
cp "$shipped"/*.src.rpm "$work/newer/"
tap_refuses "debuginfo_of_another_version_is_refused" 1 "1\.1-1.*1\.0-1|1\.0-1.*1\.1-1" \
    build_patch "$work/o" "$work/newer" "$work/code.patch"

tap_refuses "other_processor_is_refused_before_anything_is_built" 3 \
    "unsupported-architecture: patches for i686 cannot be made" setarch i686 "$syscare_build" -n T1 \
    "${given[@]}"

mkdir -p "$work/differs"
cp "$shipped"/*.src.rpm "$work/differs/"
ship "$work/differs" --define '_smp_mflags CFLAGS=-O1' --define 'build_cflags -O1 -g'
tap_refuses "debuginfo_of_another_build_is_refused" 3 "refused: not-faithful: /usr/bin/tiny" \
    build_patch "$work/o" "$work/differs" "$work/code.patch"
tap_done
