# SPDX-License-Identifier: GPL-2.0-or-later
# Unit tests of the differ's comparison of type layouts.
check_PROGRAMS += tests/differ-layout
tests_differ_layout_SOURCES = tests/differ-layout.c differ/layout.c differ/dwarf_types.c differ/dwarf_die.c differ/dwarf_check.c differ/dwarf_lines.c differ/dwarf_object.c differ/arch/debug_reloc.c differ/edits.c \
  differ/pool.c differ/refusal.c
tests_differ_layout_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS) $(ELF_CFLAGS) $(JSON_CFLAGS) $(DWARF_CFLAGS)
tests_differ_layout_LDADD = $(LIBSYSCARE_LIBS) $(CMOCKA_LIBS) $(DWARF_LIBS)
TESTS += tests/differ-layout
