#!/bin/bash
# `syscare build` of packages with a ./configure script, whose %build cannot simply be done again.
# SPDX-License-Identifier: GPL-2.0-or-later
set -u
# shellcheck source=tests/build-subr.sh
. "${top_srcdir:?}/tests/build-subr.sh"

sources=$work/tiny

# The source package and its official build, in $work/NAME. Usage: make_package NAME SOURCES BUILD
make_package() {
    mkdir -p "$work/$1"
    make_srpm "$2" 1.0 "$work/$1" "$3" && ship "$work/$1"
}

# The same for what all else needs. Usage: package_as NAME SOURCES BUILD MESSAGE
package_as() {
    make_package "$1" "$2" "$3" || tap_bail "$4"
}

# A patch for these files comes out of it, and --explain says this. Usage: builds_patch NAME PATCH TEXT "TARGET..."
builds_patch() {
    build_patch "$work/o" "$work/$1" "$work/$2.patch" --explain || return
    says "$work/o" "$3" || return
    [ "$(patch_targets "$work/o")" = "$4 " ]
}

write_sources "$sources"
write_configure "$sources"
configure_build='export CFLAGS="%{build_cflags}" LDFLAGS="%{build_ldflags}"
./configure
'$plain_build
package_as shipped "$sources" "$configure_build" "the package cannot be built"
make_patch "$sources" "$work/code.patch" sed -i 's/return 1000/return 100/' prog/other.c

tap_that "built_tree_is_not_configured_again" \
    builds_patch shipped code "built on the original's, as that was configured" "/usr/bin/tiny"

# Configured twice in one directory, with other options: the first result is copied away.
package_as twice "$sources" "$configure_build
cp tiny tiny.first
CFLAGS=\"\$CFLAGS -DTINY_SECOND\" ./configure
rm -f prog/*.o
$plain_build" "the package that is configured twice cannot be built"
tap_that "two_configurations_are_built_from_the_start" \
    builds_patch twice code "because %build failed on the built tree" "/usr/bin/tiny"

# What is configured is changed afterwards, each time: other options than the original's.
package_as edited "$sources" "export CFLAGS=\"%{build_cflags}\" LDFLAGS=\"%{build_ldflags}\"
./configure
sed -i 's|gcc |gcc -DEDITED |' Makefile
$plain_build" "the package that edits its Makefile cannot be built"
tap_that "other_options_than_the_original_are_noticed" \
    builds_patch edited code "because make\(1\) did not compile all that depends on the patch" "/usr/bin/tiny"

# The script looks into a source that the patch changes.
cp -a "$sources" "$work/tiny-version"
sed -i '2igrep -q "return" prog/other.c \&\& version=1 || version=2' "$work/tiny-version/configure"
sed -i 's|^echo .#define.*|echo "#define TINY_CONFIGURED $version" > config.h|' "$work/tiny-version/configure"
package_as version "$work/tiny-version" "$configure_build" "the package with a version in a source cannot be built"
tap_that "script_that_reads_a_changed_source_runs_again" \
    builds_patch version code "built on the original's$" "/usr/bin/tiny"

# The script only asks whether the source is there, as Autoconf's do.
cp -a "$sources" "$work/tiny-unique"
sed -i '2iac_unique_file="prog/other.c"\ntest -r "$ac_unique_file" || exit 1' "$work/tiny-unique/configure"
package_as unique "$work/tiny-unique" "$configure_build" "the package whose script asks for a source cannot be built"
tap_that "script_that_only_asks_for_a_changed_source_does_not_run_again" \
    builds_patch unique code "built on the original's, as that was configured" "/usr/bin/tiny"

# It does more with it in the same line.
sed -i 's|^ac_unique_file="prog/other.c"|&; version=$(grep -c return prog/other.c)|' "$work/tiny-unique/configure"
package_as unique-read "$work/tiny-unique" "$configure_build" "the package whose script reads the source it asks for cannot be built"
tap_that "script_that_does_more_with_it_runs_again" \
    builds_patch unique-read code "built on the original's$" "/usr/bin/tiny"

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
    make_package auto "$work/tiny-auto" "autoreconf -fi
$configure_build" || return
    builds_patch auto code "built on the original's, as that was configured" "/usr/bin/tiny"
}

# A version comes from a source that the patch changes, when the script is made.
cp -a "$work/tiny-auto" "$work/tiny-made"
sed -i 's|\[1.0\]|m4_esyscmd_s([grep -c return prog/other.c])|; /^AS_IF/d' "$work/tiny-made/configure.ac"
script_that_is_made_from_a_changed_source_is_made_again() {
    make_package made "$work/tiny-made" "autoreconf -fi
$configure_build" || return
    builds_patch made code "built on the original's$" "/usr/bin/tiny"
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
tap_that "build_system_change_builds_from_the_start" \
    builds_patch shipped system "Makefile.in belongs to the build system" "/usr/bin/tiny"

# A %build that fails when it is run twice.
package_as once "$sources" "mkdir objects
$configure_build" "the package with a build directory cannot be built"
tap_that "build_that_cannot_be_repeated_starts_afresh" \
    builds_patch once code "because %build failed on the built tree" "/usr/bin/tiny"

what_failed_first_is_no_message_of_the_result() {
    build_patch "$work/o" "$work/once" "$work/code.patch" --json || return
    python3 -c 'import json, sys
result = json.load(open(sys.argv[1]))
sys.exit(result["message"] is not None or not result["full"])' "$work/o/stdout"
}
tap_that "what_failed_first_is_no_message_of_the_result" what_failed_first_is_no_message_of_the_result

# A %build that compiles a copy: no compiler reads the file that the patch changes.
package_as copy "$sources" "cp -r prog program
sed -i 's,prog/,program/,g' Makefile.in
$configure_build" "the package that compiles a copy cannot be built"
tap_that "copied_sources_are_not_overlooked" \
    builds_patch copy code "prog/other.c was read by the build, but by no compiler" "/usr/bin/tiny"

# Makefiles that do not know which sources include a header: --disable-dependency-tracking.
cp -a "$sources" "$work/tiny-blind"
sed -i 's|%.c lib/tiny.h|%.c|' "$work/tiny-blind/Makefile.in"
package_as blind "$work/tiny-blind" "$configure_build" "the package without dependencies cannot be built"
make_patch "$work/tiny-blind" "$work/header.patch" sed -i 's/TINY_SCALE 3/TINY_SCALE 4/' lib/tiny.h
tap_that "headers_are_followed_where_make_does_not" \
    builds_patch blind header "built on the original's" "/usr/bin/tiny /usr/lib64/libtiny.so.1"

# Objects that are made once and never again.
sed -i 's|^\$(OBJECTS):.*|$(OBJECTS):|; s|-c -o \$@ \$<|-c -o $@ $(@:.o=.c)|' "$work/tiny-blind/Makefile.in"
package_as never "$work/tiny-blind" "$configure_build" "the package without any dependency cannot be built"
tap_that "what_make_leaves_out_is_found" \
    builds_patch never header "because make\(1\) did not compile all that depends on the patch" "/usr/bin/tiny /usr/lib64/libtiny.so.1"
tap_done
