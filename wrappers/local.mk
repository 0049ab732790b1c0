# SPDX-License-Identifier: GPL-2.0-or-later
# What wrappers/ adds to the build: the shims, the layout of a capture, and the replay of one compile.
syscarelibexec_PROGRAMS += wrappers/syscare-shim wrappers/syscare-capture wrappers/syscare-replay

wrappers_cflags = $(AM_CFLAGS) $(ELF_CFLAGS) $(JSON_CFLAGS)

wrappers_syscare_shim_SOURCES = \
  wrappers/shim.c wrappers/shim.h wrappers/shim_run.c \
  wrappers/shim_compiler.c wrappers/shim_as.c wrappers/shim_ld.c \
  wrappers/as_options.c wrappers/as_options.h \
  wrappers/as_source.c wrappers/as_source.h \
  wrappers/ld_options.c wrappers/ld_options.h \
  wrappers/link_map.c wrappers/link_map.h \
  wrappers/link_inputs.c wrappers/link_inputs.h \
  wrappers/object_note.c wrappers/object_note.h \
  wrappers/response_file.c wrappers/response_file.h \
  wrappers/layout.c wrappers/layout.h
wrappers_syscare_shim_CFLAGS = $(wrappers_cflags)
wrappers_syscare_shim_LDADD = $(LIBSYSCARE_LIBS)

wrappers_syscare_capture_SOURCES = \
  wrappers/capture_main.c \
  wrappers/gcc_find.c wrappers/gcc_find.h \
  wrappers/layout.h
wrappers_syscare_capture_CFLAGS = $(wrappers_cflags)
wrappers_syscare_capture_LDADD = $(LIBSYSCARE_LIBS)

wrappers_syscare_replay_SOURCES = \
  wrappers/replay_main.c \
  wrappers/replay_unit.c wrappers/replay_unit.h \
  wrappers/replay_link.c wrappers/replay_link.h \
  wrappers/response_file.c wrappers/response_file.h \
  wrappers/object_note.c wrappers/object_note.h \
  wrappers/layout.c wrappers/layout.h
wrappers_syscare_replay_CFLAGS = $(wrappers_cflags)
wrappers_syscare_replay_LDADD = $(LIBSYSCARE_LIBS)
