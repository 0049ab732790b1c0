# SPDX-License-Identifier: GPL-2.0-or-later
# What differ/ adds to the build: syscare-diff, run by the build command, not by users.
syscarelibexec_PROGRAMS += syscare-diff
syscare_diff_SOURCES = \
  differ/main.c differ/differ.h differ/phases.c \
  differ/pool.c differ/pool.h \
  differ/job.c \
  differ/refusal.c differ/refusal.h \
  differ/model.h differ/names.c differ/names_cxx.c differ/names.h \
  differ/read.c differ/read_targets.c differ/read_index.c differ/read.h \
  differ/pair.c differ/static_owner.c differ/static_owner.h differ/comdat.c differ/comdat.h differ/lto.c differ/lto.h \
  differ/compare.c differ/compare.h \
  differ/link_map.c differ/link_map.h \
  differ/image.c differ/image_versions.c differ/image.h differ/image_P.h \
  differ/resolve.c differ/bind.c differ/bind_import.c differ/bind.h differ/bind_P.h differ/tls.c differ/tls.h \
  differ/close.c \
  differ/check.c differ/check_cxx.c differ/check_cxx.h differ/check_state.c differ/check_bindings.c differ/check_P.h \
  differ/layout.c differ/dwarf_types.c differ/dwarf_types.h \
  differ/entry.c differ/entry.h differ/old_calls.c differ/old_calls.h differ/ipa_ra.c differ/ipa_ra.h differ/arming.c differ/arming_early.c differ/arming.h \
  differ/elf_writer.c differ/elf_writer.h \
  differ/frames.c differ/frames.h differ/eh_frame.c differ/eh_frame.h \
  differ/registrar.c differ/registrar.h \
  differ/emit.c differ/emit.h differ/link.c \
  differ/dwarf_die.c differ/dwarf_check.c differ/dwarf_lines.c differ/dwarf_object.c differ/dwarf_die.h differ/edits.c differ/edits.h \
  differ/source_info.c differ/source_info.h differ/explain.c differ/explain.h \
  differ/line_kept.c differ/marks.c differ/warn.c differ/warn_ownership.c differ/warn_initialised.c differ/emit_hooks.c \
  differ/report.c \
  differ/oracle.c differ/oracle_view.c differ/oracle_text.c differ/oracle_data.c differ/oracle_slot.c \
  differ/oracle_numbers.c \
  differ/oracle_frames.c differ/oracle_P.h differ/oracle.h \
  differ/arch/arch.c differ/arch/arch.h differ/arch/debug_reloc.c \
  differ/arch/x86_64.c differ/arch/x86_64_first.c differ/arch/x86_64_copy.c differ/arch/x86_64_tls.c \
  differ/arch/x86_64_frames.c differ/arch/x86_64.h
syscare_diff_CFLAGS = $(AM_CFLAGS) $(ELF_CFLAGS) $(JSON_CFLAGS) $(NETTLE_CFLAGS) $(CAPSTONE_CFLAGS) $(DWARF_CFLAGS)
syscare_diff_LDADD = $(LIBSYSCARE_LIBS) $(CAPSTONE_LIBS) $(DWARF_LIBS) -lstdc++
