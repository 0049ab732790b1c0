# SPDX-License-Identifier: GPL-2.0-or-later
# What tests/ adds to the build: one .mk file for each room.
include $(top_srcdir)/tests/lib.mk
include $(top_srcdir)/tests/product.mk
include $(top_srcdir)/tests/package.mk
include $(top_srcdir)/tests/capture.mk
include $(top_srcdir)/tests/build.mk
include $(top_srcdir)/tests/inject.mk
include $(top_srcdir)/tests/differ-layout.mk
include $(top_srcdir)/tests/differ.mk
include $(top_srcdir)/tests/adversary.mk
include $(top_srcdir)/tests/daemon.mk
include $(top_srcdir)/tests/targets.mk
include $(top_srcdir)/tests/author.mk
include $(top_srcdir)/tests/truth.mk
include $(top_srcdir)/tests/entry.mk
include $(top_srcdir)/tests/fuzz/local.mk
include $(top_srcdir)/tests/imports.mk
include $(top_srcdir)/tests/corpus/local.mk
include $(top_srcdir)/tests/vm.mk
