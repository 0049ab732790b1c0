# SPDX-License-Identifier: GPL-2.0-or-later
# What runtime/ adds to the build.
include $(top_srcdir)/runtime/inject/local.mk
