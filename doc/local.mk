# SPDX-License-Identifier: GPL-2.0-or-later
# What doc/ adds to the build.
dist_man_MANS += doc/syscare.1 doc/syscare-build.1 doc/syscare-patch.h.3
if RUNTIME_ARCH
dist_man_MANS += doc/syscared.8
endif
EXTRA_DIST += doc/formats.md doc/performance.md doc/refusals.md doc/corpus.md doc/security.md doc/testing.md
