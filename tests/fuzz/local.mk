# SPDX-License-Identifier: GPL-2.0-or-later
# Fuzz targets: one word each in FUZZ_TARGETS, fuzz-<word>.c, and a program that replays inputs.
FUZZ_TARGETS = request state info options object elf maps ring
fuzz_cflags = $(runtime_libdaemon_a_CFLAGS)
fuzz_ldadd = $(LIBDAEMON_LIBS)
FUZZ_SUPPORT = tests/fuzz/support.c tests/fuzz/fuzz.h

check_PROGRAMS += tests/fuzz/replay-request
tests_fuzz_replay_request_SOURCES = tests/fuzz/fuzz-request.c tests/fuzz/replay.c $(FUZZ_SUPPORT)
tests_fuzz_replay_request_CFLAGS = $(fuzz_cflags)
tests_fuzz_replay_request_LDADD = $(fuzz_ldadd)
check_PROGRAMS += tests/fuzz/replay-state
tests_fuzz_replay_state_SOURCES = tests/fuzz/fuzz-state.c tests/fuzz/replay.c $(FUZZ_SUPPORT)
tests_fuzz_replay_state_CFLAGS = $(fuzz_cflags)
tests_fuzz_replay_state_LDADD = $(fuzz_ldadd)
check_PROGRAMS += tests/fuzz/replay-info
tests_fuzz_replay_info_SOURCES = tests/fuzz/fuzz-info.c tests/fuzz/replay.c $(FUZZ_SUPPORT)
tests_fuzz_replay_info_CFLAGS = $(fuzz_cflags)
tests_fuzz_replay_info_LDADD = $(fuzz_ldadd)
check_PROGRAMS += tests/fuzz/replay-options
tests_fuzz_replay_options_SOURCES = tests/fuzz/fuzz-options.c tests/fuzz/replay.c $(FUZZ_SUPPORT)
tests_fuzz_replay_options_CFLAGS = $(fuzz_cflags)
tests_fuzz_replay_options_LDADD = $(fuzz_ldadd)
# It reads what only the processor's own file knows.
if RUNTIME_ARCH
check_PROGRAMS += tests/fuzz/replay-object
else
EXTRA_PROGRAMS += tests/fuzz/replay-object
endif
tests_fuzz_replay_object_SOURCES = tests/fuzz/fuzz-object.c tests/fuzz/replay.c $(FUZZ_SUPPORT)
tests_fuzz_replay_object_CFLAGS = $(fuzz_cflags)
tests_fuzz_replay_object_LDADD = $(fuzz_ldadd)
check_PROGRAMS += tests/fuzz/replay-elf
tests_fuzz_replay_elf_SOURCES = tests/fuzz/fuzz-elf.c tests/fuzz/replay.c $(FUZZ_SUPPORT)
tests_fuzz_replay_elf_CFLAGS = $(fuzz_cflags)
tests_fuzz_replay_elf_LDADD = $(fuzz_ldadd)
check_PROGRAMS += tests/fuzz/replay-maps
tests_fuzz_replay_maps_SOURCES = tests/fuzz/fuzz-maps.c tests/fuzz/replay.c $(FUZZ_SUPPORT)
tests_fuzz_replay_maps_CFLAGS = $(fuzz_cflags)
tests_fuzz_replay_maps_LDADD = $(fuzz_ldadd)
check_PROGRAMS += tests/fuzz/replay-ring
tests_fuzz_replay_ring_SOURCES = tests/fuzz/fuzz-ring.c tests/fuzz/replay.c $(FUZZ_SUPPORT)
tests_fuzz_replay_ring_CFLAGS = $(fuzz_cflags)
tests_fuzz_replay_ring_LDADD = $(fuzz_ldadd)

dist_check_SCRIPTS += tests/truth-fuzz.sh
TESTS += tests/truth-fuzz.sh
EXTRA_DIST += tests/fuzz/run.sh tests/fuzz/seeds tests/fuzz/found

# `make fuzz FUZZ_SECONDS=…`: what the replay programs are made of, built again by clang.
fuzz_inputs = $(filter %.c,$(lib_libsyscare_a_SOURCES) $(runtime_libprocess_a_SOURCES)) \
  runtime/request.c runtime/state_file.c runtime/options.c runtime/patch_store.c runtime/trust.c
.PHONY: fuzz
fuzz: all
	$(AM_TESTS_ENVIRONMENT) FUZZ_TARGETS='$(FUZZ_TARGETS)' FUZZ_SOURCES='$(fuzz_inputs)' \
	  FUZZ_CFLAGS='$(ELF_CFLAGS) $(JSON_CFLAGS) $(CRYPTO_CFLAGS)' \
	  FUZZ_LIBS='$(ELF_LIBS) $(JSON_LIBS) $(CRYPTO_LIBS)' bash $(srcdir)/tests/fuzz/run.sh
