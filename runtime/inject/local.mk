# SPDX-License-Identifier: GPL-2.0-or-later
# The injector, and what it shares with the daemon: patch objects and the state of processes.
if RUNTIME_ARCH
noinst_LIBRARIES += runtime/libprocess.a
else
# Only for the tests of those parts that know nothing of processors.
EXTRA_LIBRARIES += runtime/libprocess.a
endif
runtime_libprocess_a_SOURCES = \
  runtime/arch/arch.h \
  runtime/patch_object.c runtime/patch_object.h runtime/patch_object_private.h \
  runtime/patch_tables.c runtime/patch_relocs.c \
  runtime/process_maps.c runtime/process_maps.h \
  runtime/process_elf.c runtime/process_elf.h \
  runtime/process_modules.c runtime/process_modules.h \
  runtime/process_scope.c runtime/process_slots.c \
  runtime/process_symbol.c runtime/process_symbol.h \
  runtime/process_state.c runtime/process_state.h
if RUNTIME_X86_64
runtime_libprocess_a_SOURCES += runtime/arch/x86_64.c runtime/arch/x86_64_first.c \
  runtime/arch/x86_64_frame.c
endif
runtime_libprocess_a_CFLAGS = $(AM_CFLAGS) $(JSON_CFLAGS)
LIBPROCESS = runtime/libprocess.a

INJECT_SOURCES = \
  runtime/inject/main.c runtime/inject/injector.h runtime/inject/protocol.h \
  runtime/inject/job.c runtime/inject/job.h \
  runtime/inject/apply.c runtime/inject/revert.c \
  runtime/inject/below.c runtime/inject/below.h \
  runtime/inject/patch_cache.c runtime/inject/patch_cache.h \
  runtime/inject/stop.c runtime/inject/stop.h \
  runtime/inject/task.c runtime/inject/task.h \
  runtime/inject/sharers.c runtime/inject/sharers.h \
  runtime/inject/recent.c runtime/inject/recent.h \
  runtime/inject/release.c runtime/inject/release.h \
  runtime/inject/cut.c runtime/inject/cut.h \
  runtime/inject/infect.c runtime/inject/infect.h \
  runtime/inject/room.c runtime/inject/room.h \
  runtime/inject/hooks.c runtime/inject/hooks.h \
  runtime/inject/gadget.c runtime/inject/gadget.h \
  runtime/inject/descriptor.c runtime/inject/descriptor.h \
  runtime/inject/map.c runtime/inject/map.h \
  runtime/inject/refers.c runtime/inject/refers.h \
  runtime/inject/limits.c runtime/inject/limits.h \
  runtime/inject/gap.c runtime/inject/gap.h \
  runtime/inject/image.c runtime/inject/image.h \
  runtime/inject/imports.c runtime/inject/imports.h \
  runtime/inject/resolver.c runtime/inject/resolver.h \
  runtime/inject/memory.c runtime/inject/memory.h \
  runtime/inject/stack.c runtime/inject/stack.h \
  runtime/inject/check.c runtime/inject/check.h \
  runtime/inject/write.c runtime/inject/write.h \
  runtime/inject/fault.h

# Static: a patched libc must never be what the injector itself is running on.
if RUNTIME_ARCH
syscarelibexec_PROGRAMS += runtime/syscare-inject
endif
runtime_syscare_inject_SOURCES = $(INJECT_SOURCES)
runtime_syscare_inject_CFLAGS = $(AM_CFLAGS) $(JSON_CFLAGS)
runtime_syscare_inject_LDFLAGS = -static
runtime_syscare_inject_LDADD = $(LIBPROCESS) $(LIBSYSCARE)
