# SPDX-License-Identifier: GPL-2.0-or-later
# What rpmtools/ adds to the build.

# Packages in and out, line numbers, and the proof that a rebuild is faithful.
noinst_LIBRARIES += rpmtools/librpmtools.a
rpmtools_librpmtools_a_SOURCES = \
  rpmtools/srpm.c rpmtools/srpm_unpack.c rpmtools/srpm.h rpmtools/srpm_P.h \
  rpmtools/linekeep.c rpmtools/linekeep.h \
  rpmtools/line_diff.c rpmtools/line_diff.h rpmtools/c_lines.c rpmtools/c_lines.h \
  rpmtools/package.c rpmtools/package_spec.c rpmtools/package_source.c \
  rpmtools/package.h rpmtools/package_P.h \
  rpmtools/faithful.c rpmtools/faithful_compare.c rpmtools/faithful.h rpmtools/faithful_P.h
rpmtools_librpmtools_a_CFLAGS = $(AM_CFLAGS) $(ELF_CFLAGS) $(JSON_CFLAGS) $(CRYPTO_CFLAGS) \
  $(ARCHIVE_CFLAGS) $(RPM_CFLAGS)
LIBRPMTOOLS = rpmtools/librpmtools.a
LIBRPMTOOLS_LIBS = $(LIBRPMTOOLS) $(LIBSYSCARE_LIBS) $(ARCHIVE_LIBS) $(RPM_LIBS)
