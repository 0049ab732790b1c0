#!/bin/bash
# `syscare build` of packages with a ./configure script, whose %build cannot simply be done again.
# SPDX-License-Identifier: GPL-2.0-or-later
set -u
# shellcheck source=tests/build-subr.sh
. "${top_srcdir:?}/tests/build-subr.sh"

sources=$work/tiny
shipped=$work/shipped
mkdir -p "$shipped"
write_sources "$sources"
write_configure "$sources"
configure_build='export CFLAGS="%{build_cflags}" LDFLAGS="%{build_ldflags}"
./configure
'$plain_build
make_srpm "$sources" 1.0 "$shipped" "$configure_build" || tap_bail "no source package"
ship "$shipped" || tap_bail "the package cannot be built"
make_patch "$sources" "$work/code.patch" sed -i 's/return 1000/return 100/' prog/other.c

built_tree_is_not_configured_again() {
    build_patch "$work/o" "$shipped" "$work/code.patch" --explain || return
    says "$work/o" "built on the original's, as that was configured" || return
    [ "$(patch_targets "$work/o")" = "/usr/bin/tiny " ]
}
tap_that "built_tree_is_not_configured_again" built_tree_is_not_configured_again

# Configured twice in one directory, with other options: the first result is copied away.
mkdir -p "$work/twice"
make_srpm "$sources" 1.0 "$work/twice" "$configure_build
cp tiny tiny.first
CFLAGS=\"\$CFLAGS -DTINY_SECOND\" ./configure
rm -f prog/*.o
$plain_build"
ship "$work/twice" || tap_bail "the package that is configured twice cannot be built"
two_configurations_are_built_from_the_start() {
    build_patch "$work/o" "$work/twice" "$work/code.patch" --explain || return
    says "$work/o" "because %build failed on the built tree" || return
    [ "$(patch_targets "$work/o")" = "/usr/bin/tiny " ]
}
tap_that "two_configurations_are_built_from_the_start" two_configurations_are_built_from_the_start

# What is configured is changed afterwards, each time: other options than the original's.
mkdir -p "$work/edited"
make_srpm "$sources" 1.0 "$work/edited" "export CFLAGS=\"%{build_cflags}\" LDFLAGS=\"%{build_ldflags}\"
./configure
sed -i 's|gcc |gcc -DEDITED |' Makefile
$plain_build"
ship "$work/edited" || tap_bail "the package that edits its Makefile cannot be built"
other_options_than_the_original_are_noticed() {
    build_patch "$work/o" "$work/edited" "$work/code.patch" --explain || return
    says "$work/o" "because make\(1\) did not compile all that depends on the patch" || return
    [ "$(patch_targets "$work/o")" = "/usr/bin/tiny " ]
}
tap_that "other_options_than_the_original_are_noticed" other_options_than_the_original_are_noticed

# The script looks into a source that the patch changes.
cp -a "$sources" "$work/tiny-version"
sed -i '2igrep -q "return" prog/other.c \&\& version=1 || version=2' "$work/tiny-version/configure"
sed -i 's|^echo .#define.*|echo "#define TINY_CONFIGURED $version" > config.h|' "$work/tiny-version/configure"
mkdir -p "$work/version"
make_srpm "$work/tiny-version" 1.0 "$work/version" "$configure_build"
ship "$work/version" || tap_bail "the package with a version in a source cannot be built"
script_that_reads_a_changed_source_runs_again() {
    build_patch "$work/o" "$work/version" "$work/code.patch" --explain || return
    says "$work/o" "built on the original's$" || return
    [ "$(patch_targets "$work/o")" = "/usr/bin/tiny " ]
}
tap_that "script_that_reads_a_changed_source_runs_again" script_that_reads_a_changed_source_runs_again

# The script only asks whether the source is there, as Autoconf's do.
cp -a "$sources" "$work/tiny-unique"
sed -i '2iac_unique_file="prog/other.c"\ntest -r "$ac_unique_file" || exit 1' "$work/tiny-unique/configure"
mkdir -p "$work/unique"
make_srpm "$work/tiny-unique" 1.0 "$work/unique" "$configure_build"
ship "$work/unique" || tap_bail "the package whose script asks for a source cannot be built"
script_that_only_asks_for_a_changed_source_does_not_run_again() {
    build_patch "$work/o" "$work/unique" "$work/code.patch" --explain || return
    says "$work/o" "built on the original's, as that was configured" || return
    [ "$(patch_targets "$work/o")" = "/usr/bin/tiny " ]
}
tap_that "script_that_only_asks_for_a_changed_source_does_not_run_again" \
    script_that_only_asks_for_a_changed_source_does_not_run_again

# It does more with it in the same line.
sed -i 's|^ac_unique_file="prog/other.c"|&; version=$(grep -c return prog/other.c)|' "$work/tiny-unique/configure"
mkdir -p "$work/unique-read"
make_srpm "$work/tiny-unique" 1.0 "$work/unique-read" "$configure_build"
ship "$work/unique-read" || tap_bail "the package whose script reads the source it asks for cannot be built"
script_that_does_more_with_it_runs_again() {
    build_patch "$work/o" "$work/unique-read" "$work/code.patch" --explain || return
    says "$work/o" "built on the original's$" || return
    [ "$(patch_targets "$work/o")" = "/usr/bin/tiny " ]
}
tap_that "script_that_does_more_with_it_runs_again" script_that_does_more_with_it_runs_again

# The script is made anew by each build; here it complains when it runs twice in one tree.
cp -a "$sources" "$work/tiny-auto"
rm "$work/tiny-auto/configure"
cat > "$work/tiny-auto/configure.ac" << 'END'
AC_INIT([tiny], [1.0])
AC_CONFIG_SRCDIR([prog/other.c])
AS_IF([test -f configured], [AC_MSG_ERROR([configured twice])], [touch configured])
echo "#define TINY_CONFIGURED $PACKAGE_VERSION" > config.h
AC_CONFIG_FILES([Makefile])
AC_OUTPUT
END
script_is_not_made_again() {
    mkdir -p "$work/auto"
    make_srpm "$work/tiny-auto" 1.0 "$work/auto" "autoreconf -fi
$configure_build" && ship "$work/auto" || return
    build_patch "$work/o" "$work/auto" "$work/code.patch" --explain || return
    says "$work/o" "built on the original's, as that was configured" || return
    [ "$(patch_targets "$work/o")" = "/usr/bin/tiny " ]
}

# A version comes from a source that the patch changes, when the script is made.
cp -a "$work/tiny-auto" "$work/tiny-made"
sed -i 's|\[1.0\]|m4_esyscmd_s([grep -c return prog/other.c])|; /^AS_IF/d' "$work/tiny-made/configure.ac"
script_that_is_made_from_a_changed_source_is_made_again() {
    mkdir -p "$work/made"
    make_srpm "$work/tiny-made" 1.0 "$work/made" "autoreconf -fi
$configure_build" && ship "$work/made" || return
    build_patch "$work/o" "$work/made" "$work/code.patch" --explain || return
    says "$work/o" "built on the original's$" || return
    [ "$(patch_targets "$work/o")" = "/usr/bin/tiny " ]
}
if command -v autoreconf > /dev/null; then
    tap_that "script_is_not_made_again" script_is_not_made_again
    tap_that "script_that_is_made_from_a_changed_source_is_made_again" \
        script_that_is_made_from_a_changed_source_is_made_again
fi

# The build system and the code change together: the tree is built from the start.
flags_change() {
    sed -i 's/^all:/CFLAGS += -DTINY_MORE\nall:/' Makefile.in
    sed -i 's/return 1000/return 100/' prog/other.c
}
make_patch "$sources" "$work/system.patch" flags_change
build_system_change_builds_from_the_start() {
    build_patch "$work/o" "$shipped" "$work/system.patch" --explain || return
    says "$work/o" "Makefile.in belongs to the build system" || return
    [ "$(patch_targets "$work/o")" = "/usr/bin/tiny " ]
}
tap_that "build_system_change_builds_from_the_start" build_system_change_builds_from_the_start

# A %build that fails when it is run twice.
mkdir -p "$work/once"
make_srpm "$sources" 1.0 "$work/once" "mkdir objects
$configure_build"
ship "$work/once" || tap_bail "the package with a build directory cannot be built"
build_that_cannot_be_repeated_starts_afresh() {
    build_patch "$work/o" "$work/once" "$work/code.patch" --explain || return
    says "$work/o" "because %build failed on the built tree" || return
    [ "$(patch_targets "$work/o")" = "/usr/bin/tiny " ]
}
tap_that "build_that_cannot_be_repeated_starts_afresh" build_that_cannot_be_repeated_starts_afresh

what_failed_first_is_no_message_of_the_result() {
    build_patch "$work/o" "$work/once" "$work/code.patch" --json || return
    python3 -c 'import json, sys
result = json.load(open(sys.argv[1]))
sys.exit(result["message"] is not None or not result["full"])' "$work/o/stdout"
}
tap_that "what_failed_first_is_no_message_of_the_result" what_failed_first_is_no_message_of_the_result

# A %build that compiles a copy: no compiler reads the file that the patch changes.
mkdir -p "$work/copy"
make_srpm "$sources" 1.0 "$work/copy" "cp -r prog program
sed -i 's,prog/,program/,g' Makefile.in
$configure_build"
ship "$work/copy" || tap_bail "the package that compiles a copy cannot be built"
copied_sources_are_not_overlooked() {
    build_patch "$work/o" "$work/copy" "$work/code.patch" --explain || return
    says "$work/o" "prog/other.c was read by the build, but by no compiler" || return
    [ "$(patch_targets "$work/o")" = "/usr/bin/tiny " ]
}
tap_that "copied_sources_are_not_overlooked" copied_sources_are_not_overlooked

# Makefiles that do not know which sources include a header: --disable-dependency-tracking.
cp -a "$sources" "$work/tiny-blind"
sed -i 's|%.c lib/tiny.h|%.c|' "$work/tiny-blind/Makefile.in"
mkdir -p "$work/blind"
make_srpm "$work/tiny-blind" 1.0 "$work/blind" "$configure_build"
ship "$work/blind" || tap_bail "the package without dependencies cannot be built"
make_patch "$work/tiny-blind" "$work/header.patch" sed -i 's/TINY_SCALE 3/TINY_SCALE 4/' lib/tiny.h
headers_are_followed_where_make_does_not() {
    build_patch "$work/o" "$work/blind" "$work/header.patch" --explain || return
    says "$work/o" "built on the original's" || return
    [ "$(patch_targets "$work/o")" = "/usr/bin/tiny /usr/lib64/libtiny.so.1 " ]
}
tap_that "headers_are_followed_where_make_does_not" headers_are_followed_where_make_does_not

# Objects that are made once and never again.
sed -i 's|^\$(OBJECTS):.*|$(OBJECTS):|; s|-c -o \$@ \$<|-c -o $@ $(@:.o=.c)|' "$work/tiny-blind/Makefile.in"
mkdir -p "$work/never"
make_srpm "$work/tiny-blind" 1.0 "$work/never" "$configure_build"
ship "$work/never" || tap_bail "the package without any dependency cannot be built"
what_make_leaves_out_is_found() {
    build_patch "$work/o" "$work/never" "$work/header.patch" --explain || return
    says "$work/o" "because make\(1\) did not compile all that depends on the patch" || return
    [ "$(patch_targets "$work/o")" = "/usr/bin/tiny /usr/lib64/libtiny.so.1 " ]
}
tap_that "what_make_leaves_out_is_found" what_make_leaves_out_is_found
tap_done
