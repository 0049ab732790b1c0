# SPDX-License-Identifier: GPL-2.0-or-later
# What runtime/ adds to the build.
include $(top_srcdir)/runtime/inject/local.mk

# Frames of 64 bytes and more are not safe in programs that can sleep: see hold.bpf.c.
HOLD_BPF_FRAME = -Wframe-larger-than=48 -Werror=frame-larger-than

# The BPF program: compiled for BPF, wrapped into a header that the daemon includes. It is built
# without anything of the running kernel, so that packages can be built anywhere.
BPF_ARCH = $(subst aarch64,arm64,$(host_cpu:x86_64=x86))
HOLD_BPF_FLAGS = -g -O2 -Wall -Wextra $(HOLD_BPF_FRAME) -target bpf -mcpu=v3 -D__TARGET_ARCH_$(BPF_ARCH) \
  -I$(top_srcdir) -idirafter $(shell $(CC) -print-sysroot 2> /dev/null)/usr/include/$(shell $(CC) -print-multiarch 2> /dev/null)

HOLD_BPF_INCLUDES = $(top_srcdir)/runtime/bpf/maps.bpf.h $(top_srcdir)/runtime/bpf/hold.h

runtime/bpf/hold.bpf.o: $(top_srcdir)/runtime/bpf/hold.bpf.c $(HOLD_BPF_INCLUDES)
	$(AM_V_GEN)$(MKDIR_P) runtime/bpf && \
	  $(BPF_CLANG) $(HOLD_BPF_FLAGS) -c $(top_srcdir)/runtime/bpf/hold.bpf.c -o $@

# Nothing newer than the oldest kernel that takes it: no instructions of -mcpu=v3.
runtime/bpf/report.bpf.o: $(top_srcdir)/runtime/bpf/report.bpf.c $(HOLD_BPF_INCLUDES)
	$(AM_V_GEN)$(MKDIR_P) runtime/bpf && \
	  $(BPF_CLANG) $(HOLD_BPF_FLAGS) -mcpu=v2 -c $(top_srcdir)/runtime/bpf/report.bpf.c -o $@

runtime/bpf/hold.skel.h: runtime/bpf/hold.bpf.o
	$(AM_V_GEN)$(BPFTOOL) gen skeleton runtime/bpf/hold.bpf.o name hold_bpf > $@.tmp && mv $@.tmp $@

runtime/bpf/report.skel.h: runtime/bpf/report.bpf.o
	$(AM_V_GEN)$(BPFTOOL) gen skeleton runtime/bpf/report.bpf.o name report_bpf > $@.tmp && \
	  mv $@.tmp $@

if RUNTIME_ARCH
BUILT_SOURCES += runtime/bpf/hold.skel.h runtime/bpf/report.skel.h
endif
CLEANFILES += runtime/bpf/hold.skel.h runtime/bpf/hold.bpf.o runtime/bpf/report.skel.h \
  runtime/bpf/report.bpf.o
EXTRA_DIST += runtime/bpf/hold.bpf.c runtime/bpf/report.bpf.c runtime/bpf/maps.bpf.h \
  runtime/bpf/hold.h

# The parts of the daemon that tests use too.
if RUNTIME_ARCH
noinst_LIBRARIES += runtime/libdaemon.a
else
EXTRA_LIBRARIES += runtime/libdaemon.a
endif
runtime_libdaemon_a_SOURCES = \
  runtime/uprobe_link.c runtime/uprobe_link.h \
  runtime/uprobes.c runtime/uprobes.h \
  runtime/perf_probe.c runtime/perf_probe.h runtime/perf_rings.c runtime/perf_rings.h \
  runtime/fd_closer.c runtime/fd_closer.h runtime/probe_files.c runtime/probe_files.h \
  runtime/hold.c runtime/hold_program.c runtime/hold_maps.c runtime/hold_pin.c \
  runtime/hold_multi.c runtime/hold_perf.c runtime/hold_sample.c runtime/hold_sample.h \
  runtime/hold.h runtime/hold_P.h \
  runtime/features.c runtime/features.h runtime/features_nop.c runtime/features_trial.c \
  runtime/features_P.h \
  runtime/log.c runtime/log.h \
  runtime/options.c runtime/options.h \
  runtime/patch_store.c runtime/patch_store.h \
  runtime/patch_id.c runtime/patch_id.h \
  runtime/state_file.c runtime/state_file.h \
  runtime/injector.c runtime/injector.h \
  runtime/process_scan.c runtime/process_scan.h \
  runtime/live_patch.c runtime/live_patch.h runtime/entry_jump.c runtime/entry_jump.h \
  runtime/switcher.c runtime/switcher_process.c runtime/switcher_problems.c \
  runtime/switcher.h runtime/switcher_P.h \
  runtime/trust.c runtime/trust.h \
  runtime/peer.c runtime/peer.h \
  runtime/capabilities.c runtime/capabilities.h \
  runtime/opt_out.c runtime/opt_out.h \
  runtime/process_report.c runtime/process_report.h \
  runtime/lazy.c runtime/lazy.h \
  runtime/map_watch.c runtime/map_watch.h \
  runtime/memory_room.c runtime/memory_room.h \
  runtime/target_check.c runtime/target_check.h \
  runtime/request.c runtime/request.h \
  runtime/daemon.h runtime/daemon_state.c runtime/activate.c runtime/changes.c \
  runtime/startup.c runtime/verbs_show.c runtime/verbs_change.c \
  runtime/control.c runtime/control.h runtime/server.c runtime/server.h
nodist_runtime_libdaemon_a_SOURCES = runtime/bpf/hold.skel.h runtime/bpf/report.skel.h
runtime_libdaemon_a_CFLAGS = $(AM_CFLAGS) $(ELF_CFLAGS) $(JSON_CFLAGS) $(RPM_CFLAGS) $(BPF_CFLAGS) \
  $(SYSTEMD_CFLAGS)
$(runtime_libdaemon_a_OBJECTS): runtime/bpf/hold.skel.h runtime/bpf/report.skel.h
LIBDAEMON = runtime/libdaemon.a
LIBDAEMON_LIBS = $(LIBDAEMON) $(LIBPROCESS) $(LIBSYSCARE_LIBS) $(RPM_LIBS) $(BPF_LIBS) \
  $(SYSTEMD_LIBS) -lpthread

if RUNTIME_ARCH
sbin_PROGRAMS += runtime/syscared
endif
runtime_syscared_SOURCES = runtime/main.c
runtime_syscared_CFLAGS = $(runtime_libdaemon_a_CFLAGS)
runtime_syscared_LDADD = $(LIBDAEMON_LIBS)

bin_PROGRAMS += runtime/syscare
runtime_syscare_SOURCES = runtime/cli/main.c runtime/cli/client.c runtime/cli/print.c runtime/cli/cli.h
runtime_syscare_CFLAGS = $(AM_CFLAGS) $(JSON_CFLAGS)
runtime_syscare_LDADD = $(LIBSYSCARE_LIBS)
