# SPDX-License-Identifier: GPL-2.0-or-later
# Fuzz targets: one word each in FUZZ_TARGETS, and fuzz-<word>.c. The program replay-<word> runs it
# on files; `make fuzz` builds the same programs by clang, and there they are the fuzzers.
FUZZ_TARGETS = request state info options object elf maps ring process \
  reloc image differ dwarf map job \
  linkmap argv note ar unnote capture archive lines report
FUZZ_SUPPORT = tests/fuzz/replay.c tests/fuzz/mutate.c tests/fuzz/support.c tests/fuzz/fuzz.h

# runtime/ and lib/; some read what only the processor's own file knows.
fuzz_runtime_cflags = $(runtime_libdaemon_a_CFLAGS)
fuzz_runtime_ldadd = $(LIBDAEMON_LIBS)
fuzz_runtime_dependencies = $(LIBDAEMON) $(LIBPROCESS) $(LIBSYSCARE)
check_PROGRAMS += tests/fuzz/replay-request
tests_fuzz_replay_request_SOURCES = tests/fuzz/fuzz-request.c $(FUZZ_SUPPORT)
tests_fuzz_replay_request_CFLAGS = $(fuzz_runtime_cflags)
tests_fuzz_replay_request_LDADD = $(fuzz_runtime_ldadd)
tests_fuzz_replay_request_DEPENDENCIES = $(fuzz_runtime_dependencies)
check_PROGRAMS += tests/fuzz/replay-state
tests_fuzz_replay_state_SOURCES = tests/fuzz/fuzz-state.c $(FUZZ_SUPPORT)
tests_fuzz_replay_state_CFLAGS = $(fuzz_runtime_cflags)
tests_fuzz_replay_state_LDADD = $(fuzz_runtime_ldadd)
tests_fuzz_replay_state_DEPENDENCIES = $(fuzz_runtime_dependencies)
check_PROGRAMS += tests/fuzz/replay-info
tests_fuzz_replay_info_SOURCES = tests/fuzz/fuzz-info.c $(FUZZ_SUPPORT)
tests_fuzz_replay_info_CFLAGS = $(fuzz_runtime_cflags)
tests_fuzz_replay_info_LDADD = $(fuzz_runtime_ldadd)
tests_fuzz_replay_info_DEPENDENCIES = $(fuzz_runtime_dependencies)
check_PROGRAMS += tests/fuzz/replay-options
tests_fuzz_replay_options_SOURCES = tests/fuzz/fuzz-options.c $(FUZZ_SUPPORT)
tests_fuzz_replay_options_CFLAGS = $(fuzz_runtime_cflags)
tests_fuzz_replay_options_LDADD = $(fuzz_runtime_ldadd)
tests_fuzz_replay_options_DEPENDENCIES = $(fuzz_runtime_dependencies)
if RUNTIME_ARCH
check_PROGRAMS += tests/fuzz/replay-object
else
EXTRA_PROGRAMS += tests/fuzz/replay-object
endif
tests_fuzz_replay_object_SOURCES = tests/fuzz/fuzz-object.c $(FUZZ_SUPPORT)
tests_fuzz_replay_object_CFLAGS = $(fuzz_runtime_cflags)
tests_fuzz_replay_object_LDADD = $(fuzz_runtime_ldadd)
tests_fuzz_replay_object_DEPENDENCIES = $(fuzz_runtime_dependencies)
check_PROGRAMS += tests/fuzz/replay-elf
tests_fuzz_replay_elf_SOURCES = tests/fuzz/fuzz-elf.c $(FUZZ_SUPPORT)
tests_fuzz_replay_elf_CFLAGS = $(fuzz_runtime_cflags)
tests_fuzz_replay_elf_LDADD = $(fuzz_runtime_ldadd)
tests_fuzz_replay_elf_DEPENDENCIES = $(fuzz_runtime_dependencies)
check_PROGRAMS += tests/fuzz/replay-maps
tests_fuzz_replay_maps_SOURCES = tests/fuzz/fuzz-maps.c $(FUZZ_SUPPORT)
tests_fuzz_replay_maps_CFLAGS = $(fuzz_runtime_cflags)
tests_fuzz_replay_maps_LDADD = $(fuzz_runtime_ldadd)
tests_fuzz_replay_maps_DEPENDENCIES = $(fuzz_runtime_dependencies)
check_PROGRAMS += tests/fuzz/replay-ring
tests_fuzz_replay_ring_SOURCES = tests/fuzz/fuzz-ring.c $(FUZZ_SUPPORT)
tests_fuzz_replay_ring_CFLAGS = $(fuzz_runtime_cflags)
tests_fuzz_replay_ring_LDADD = $(fuzz_runtime_ldadd)
tests_fuzz_replay_ring_DEPENDENCIES = $(fuzz_runtime_dependencies)
if RUNTIME_ARCH
check_PROGRAMS += tests/fuzz/replay-process
else
EXTRA_PROGRAMS += tests/fuzz/replay-process
endif
tests_fuzz_replay_process_SOURCES = tests/fuzz/fuzz-process.c $(FUZZ_SUPPORT)
tests_fuzz_replay_process_CFLAGS = $(fuzz_runtime_cflags)
tests_fuzz_replay_process_LDADD = $(fuzz_runtime_ldadd)
tests_fuzz_replay_process_DEPENDENCIES = $(fuzz_runtime_dependencies)

# differ/: all of syscare-diff but for its main
fuzz_differ_objects = $(filter-out %-main.$(OBJEXT),$(syscare_diff_OBJECTS))
fuzz_differ_cflags = $(syscare_diff_CFLAGS)
fuzz_differ_ldadd = $(fuzz_differ_objects) $(syscare_diff_LDADD)
fuzz_differ_dependencies = $(fuzz_differ_objects) $(LIBSYSCARE)
check_PROGRAMS += tests/fuzz/replay-reloc
tests_fuzz_replay_reloc_SOURCES = tests/fuzz/fuzz-reloc.c $(FUZZ_SUPPORT)
tests_fuzz_replay_reloc_CFLAGS = $(fuzz_differ_cflags)
tests_fuzz_replay_reloc_LDADD = $(fuzz_differ_ldadd)
tests_fuzz_replay_reloc_DEPENDENCIES = $(fuzz_differ_dependencies)
check_PROGRAMS += tests/fuzz/replay-image
tests_fuzz_replay_image_SOURCES = tests/fuzz/fuzz-image.c $(FUZZ_SUPPORT)
tests_fuzz_replay_image_CFLAGS = $(fuzz_differ_cflags)
tests_fuzz_replay_image_LDADD = $(fuzz_differ_ldadd)
tests_fuzz_replay_image_DEPENDENCIES = $(fuzz_differ_dependencies)
check_PROGRAMS += tests/fuzz/replay-differ
tests_fuzz_replay_differ_SOURCES = tests/fuzz/fuzz-differ.c $(FUZZ_SUPPORT)
tests_fuzz_replay_differ_CFLAGS = $(fuzz_differ_cflags)
tests_fuzz_replay_differ_LDADD = $(fuzz_differ_ldadd)
tests_fuzz_replay_differ_DEPENDENCIES = $(fuzz_differ_dependencies)
check_PROGRAMS += tests/fuzz/replay-dwarf
tests_fuzz_replay_dwarf_SOURCES = tests/fuzz/fuzz-dwarf.c $(FUZZ_SUPPORT)
tests_fuzz_replay_dwarf_CFLAGS = $(fuzz_differ_cflags)
tests_fuzz_replay_dwarf_LDADD = $(fuzz_differ_ldadd)
tests_fuzz_replay_dwarf_DEPENDENCIES = $(fuzz_differ_dependencies)
check_PROGRAMS += tests/fuzz/replay-map
tests_fuzz_replay_map_SOURCES = tests/fuzz/fuzz-map.c $(FUZZ_SUPPORT)
tests_fuzz_replay_map_CFLAGS = $(fuzz_differ_cflags)
tests_fuzz_replay_map_LDADD = $(fuzz_differ_ldadd)
tests_fuzz_replay_map_DEPENDENCIES = $(fuzz_differ_dependencies)
check_PROGRAMS += tests/fuzz/replay-job
tests_fuzz_replay_job_SOURCES = tests/fuzz/fuzz-job.c $(FUZZ_SUPPORT)
tests_fuzz_replay_job_CFLAGS = $(fuzz_differ_cflags)
tests_fuzz_replay_job_LDADD = $(fuzz_differ_ldadd)
tests_fuzz_replay_job_DEPENDENCIES = $(fuzz_differ_dependencies)

# wrappers/: what the shim and the replay read
fuzz_wrappers_objects = $(filter-out %-shim.$(OBJEXT),$(wrappers_syscare_shim_OBJECTS))
fuzz_wrappers_cflags = $(wrappers_cflags)
fuzz_wrappers_ldadd = $(fuzz_wrappers_objects) $(LIBSYSCARE_LIBS)
fuzz_wrappers_dependencies = $(fuzz_wrappers_objects) $(LIBSYSCARE)
check_PROGRAMS += tests/fuzz/replay-linkmap
tests_fuzz_replay_linkmap_SOURCES = tests/fuzz/fuzz-linkmap.c $(FUZZ_SUPPORT)
tests_fuzz_replay_linkmap_CFLAGS = $(fuzz_wrappers_cflags)
tests_fuzz_replay_linkmap_LDADD = $(fuzz_wrappers_ldadd)
tests_fuzz_replay_linkmap_DEPENDENCIES = $(fuzz_wrappers_dependencies)
check_PROGRAMS += tests/fuzz/replay-argv
tests_fuzz_replay_argv_SOURCES = tests/fuzz/fuzz-argv.c $(FUZZ_SUPPORT)
tests_fuzz_replay_argv_CFLAGS = $(fuzz_wrappers_cflags)
tests_fuzz_replay_argv_LDADD = $(fuzz_wrappers_ldadd)
tests_fuzz_replay_argv_DEPENDENCIES = $(fuzz_wrappers_dependencies)
check_PROGRAMS += tests/fuzz/replay-note
tests_fuzz_replay_note_SOURCES = tests/fuzz/fuzz-note.c $(FUZZ_SUPPORT)
tests_fuzz_replay_note_CFLAGS = $(fuzz_wrappers_cflags)
tests_fuzz_replay_note_LDADD = $(fuzz_wrappers_ldadd)
tests_fuzz_replay_note_DEPENDENCIES = $(fuzz_wrappers_dependencies)
check_PROGRAMS += tests/fuzz/replay-ar
tests_fuzz_replay_ar_SOURCES = tests/fuzz/fuzz-ar.c $(FUZZ_SUPPORT)
tests_fuzz_replay_ar_CFLAGS = $(fuzz_wrappers_cflags)
tests_fuzz_replay_ar_LDADD = $(fuzz_wrappers_ldadd)
tests_fuzz_replay_ar_DEPENDENCIES = $(fuzz_wrappers_dependencies)

# rpmtools/
fuzz_rpmtools_objects = $(filter %-capture.$(OBJEXT),$(rpmtools_syscare_build_OBJECTS))
fuzz_rpmtools_cflags = $(rpmtools_librpmtools_a_CFLAGS)
fuzz_rpmtools_ldadd = $(fuzz_rpmtools_objects) $(LIBRPMTOOLS_LIBS)
fuzz_rpmtools_dependencies = $(fuzz_rpmtools_objects) $(LIBRPMTOOLS) $(LIBSYSCARE)
check_PROGRAMS += tests/fuzz/replay-unnote
tests_fuzz_replay_unnote_SOURCES = tests/fuzz/fuzz-unnote.c $(FUZZ_SUPPORT)
tests_fuzz_replay_unnote_CFLAGS = $(fuzz_rpmtools_cflags)
tests_fuzz_replay_unnote_LDADD = $(fuzz_rpmtools_ldadd)
tests_fuzz_replay_unnote_DEPENDENCIES = $(fuzz_rpmtools_dependencies)
check_PROGRAMS += tests/fuzz/replay-capture
tests_fuzz_replay_capture_SOURCES = tests/fuzz/fuzz-capture.c $(FUZZ_SUPPORT)
tests_fuzz_replay_capture_CFLAGS = $(fuzz_rpmtools_cflags)
tests_fuzz_replay_capture_LDADD = $(fuzz_rpmtools_ldadd)
tests_fuzz_replay_capture_DEPENDENCIES = $(fuzz_rpmtools_dependencies)
check_PROGRAMS += tests/fuzz/replay-archive
tests_fuzz_replay_archive_SOURCES = tests/fuzz/fuzz-archive.c $(FUZZ_SUPPORT)
tests_fuzz_replay_archive_CFLAGS = $(fuzz_rpmtools_cflags)
tests_fuzz_replay_archive_LDADD = $(fuzz_rpmtools_ldadd)
tests_fuzz_replay_archive_DEPENDENCIES = $(fuzz_rpmtools_dependencies)
check_PROGRAMS += tests/fuzz/replay-lines
tests_fuzz_replay_lines_SOURCES = tests/fuzz/fuzz-lines.c $(FUZZ_SUPPORT)
tests_fuzz_replay_lines_CFLAGS = $(fuzz_rpmtools_cflags)
tests_fuzz_replay_lines_LDADD = $(fuzz_rpmtools_ldadd)
tests_fuzz_replay_lines_DEPENDENCIES = $(fuzz_rpmtools_dependencies)

# the build command; two of its files are included by the target, for their static functions
fuzz_report_objects = $(filter-out %-build_main.$(OBJEXT) %-build_diff.$(OBJEXT) %-patch_apply.$(OBJEXT), \
  $(rpmtools_syscare_build_OBJECTS))
fuzz_report_cflags = $(rpmtools_syscare_build_CFLAGS)
fuzz_report_ldadd = $(fuzz_report_objects) $(LIBRPMTOOLS_LIBS)
fuzz_report_dependencies = $(fuzz_report_objects) $(LIBRPMTOOLS) $(LIBSYSCARE)
check_PROGRAMS += tests/fuzz/replay-report
tests_fuzz_replay_report_SOURCES = tests/fuzz/fuzz-report.c $(FUZZ_SUPPORT)
tests_fuzz_replay_report_CFLAGS = $(fuzz_report_cflags)
tests_fuzz_replay_report_LDADD = $(fuzz_report_ldadd)
tests_fuzz_replay_report_DEPENDENCIES = $(fuzz_report_dependencies)

dist_check_SCRIPTS += tests/truth-fuzz.sh
TESTS += tests/truth-fuzz.sh
EXTRA_DIST += tests/fuzz/run.sh tests/fuzz/seeds.sh tests/fuzz/seeds tests/fuzz/dictionaries tests/fuzz/found

# `make fuzz FUZZ_SECONDS=… [FUZZ_ONLY="NAME…"]`: seconds for each target.
.PHONY: fuzz
fuzz: all
	$(AM_TESTS_ENVIRONMENT) FUZZ_TARGETS='$(FUZZ_TARGETS)' FUZZ_BUILT_SOURCES='$(BUILT_SOURCES)' \
	  bash $(srcdir)/tests/fuzz/run.sh
