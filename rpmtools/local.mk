# SPDX-License-Identifier: GPL-2.0-or-later
# What rpmtools/ adds to the build.

# Packages in and out, line numbers, and the proof that a rebuild is faithful.
noinst_LIBRARIES += rpmtools/librpmtools.a
rpmtools_librpmtools_a_SOURCES = \
  rpmtools/srpm.c rpmtools/srpm_unpack.c rpmtools/srpm.h rpmtools/srpm_P.h \
  rpmtools/linekeep.c rpmtools/linekeep.h \
  rpmtools/line_diff.c rpmtools/line_diff.h rpmtools/c_lines.c rpmtools/c_lines.h \
  rpmtools/source_edits.c rpmtools/source_edits.h \
  rpmtools/package.c rpmtools/package_spec.c rpmtools/package_source.c \
  rpmtools/package.h rpmtools/package_P.h \
  rpmtools/faithful.c rpmtools/faithful_compare.c rpmtools/faithful.h rpmtools/faithful_P.h \
  rpmtools/capture_archive_write.c rpmtools/capture_archive_read.c rpmtools/capture_archive.h \
  rpmtools/unnote_object.c rpmtools/unnote_archive.c rpmtools/unnote.h \
  rpmtools/headers.c rpmtools/headers.h
rpmtools_librpmtools_a_CFLAGS = $(AM_CFLAGS) $(ELF_CFLAGS) $(JSON_CFLAGS) $(NETTLE_CFLAGS) \
  $(ARCHIVE_CFLAGS) $(RPM_CFLAGS)
LIBRPMTOOLS = rpmtools/librpmtools.a
LIBRPMTOOLS_LIBS = $(LIBRPMTOOLS) $(LIBSYSCARE_LIBS) $(ARCHIVE_LIBS) $(RPM_LIBS)

# `syscare build`: the driver of all build-side stages.
syscarelibexec_PROGRAMS += rpmtools/syscare-build
rpmtools_syscare_build_SOURCES = \
  rpmtools/build_main.c rpmtools/build.h rpmtools/build_refusal.c \
  rpmtools/build_options.c rpmtools/build_options.h rpmtools/build_log.c rpmtools/build_log.h \
  rpmtools/build_inputs.c rpmtools/build_trees.c rpmtools/build_touch.c rpmtools/build_configure.c rpmtools/build_targets.c \
  rpmtools/build_changes.c rpmtools/read_watch.c rpmtools/read_watch.h \
  rpmtools/build_units.c rpmtools/build_lto.c rpmtools/build_replay.c rpmtools/build_diff.c \
  rpmtools/build_explain.c rpmtools/build_header.c \
  rpmtools/build_package.c rpmtools/build_warn.c rpmtools/build_summary.c \
  rpmtools/workspace.c rpmtools/workspace.h rpmtools/sandbox.c rpmtools/sandbox.h \
  rpmtools/rpmbuild.c rpmtools/rpmbuild.h rpmtools/patch_apply.c rpmtools/patch_apply.h \
  rpmtools/build_capture.c rpmtools/tool.c rpmtools/tool.h \
  rpmtools/capture.c rpmtools/capture.h rpmtools/elf_match.c rpmtools/elf_match.h
rpmtools_syscare_build_CPPFLAGS = $(AM_CPPFLAGS) -DDIFFER_ARCH='"$(DIFFER_ARCH)"'
rpmtools_syscare_build_CFLAGS = $(AM_CFLAGS) $(ELF_CFLAGS) $(JSON_CFLAGS) $(RPM_CFLAGS)
rpmtools_syscare_build_LDADD = $(LIBRPMTOOLS_LIBS)

# Captures an ordinary rpmbuild: the macro file puts it before the shell of each stage.
syscarelibexec_PROGRAMS += rpmtools/syscare-rpm-stage
rpmtools_syscare_rpm_stage_SOURCES = \
  rpmtools/stage_main.c rpmtools/stage_run.c rpmtools/stage_record.c rpmtools/stage.h \
  rpmtools/tree_watch.c rpmtools/tree_watch.h rpmtools/tool.c rpmtools/tool.h \
  rpmtools/capture.c rpmtools/capture.h
rpmtools_syscare_rpm_stage_CFLAGS = $(AM_CFLAGS) $(ELF_CFLAGS) $(JSON_CFLAGS)
rpmtools_syscare_rpm_stage_LDADD = $(LIBRPMTOOLS_LIBS)
