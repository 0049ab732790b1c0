# SPDX-License-Identifier: GPL-2.0-or-later
# What lib/ adds to the build: the code that more than one room uses.
noinst_LIBRARIES += lib/libsyscare.a
lib_libsyscare_a_SOURCES = \
  lib/error.c lib/error.h \
  lib/cleanup.h \
  lib/file.c lib/file.h \
  lib/run.c lib/run.h \
  lib/json_util.c lib/json_util.h \
  lib/digest.c lib/digest.h \
  lib/elf_file.c lib/elf_file.h \
  lib/target_digest.c lib/target_digest.h \
  lib/string_list.c lib/string_list.h \
  lib/patch_info.c lib/patch_info_check.c lib/patch_info.h lib/patch_info_P.h \
  lib/build_note.h lib/patch_format.h
lib_libsyscare_a_CFLAGS = $(AM_CFLAGS) $(ELF_CFLAGS) $(JSON_CFLAGS) $(NETTLE_CFLAGS)
LIBSYSCARE = lib/libsyscare.a
LIBSYSCARE_LIBS = $(LIBSYSCARE) $(ELF_LIBS) $(JSON_LIBS) $(NETTLE_LIBS)
