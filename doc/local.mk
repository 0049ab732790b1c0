# SPDX-License-Identifier: GPL-2.0-or-later
# What doc/ adds to the build.
dist_man_MANS += doc/syscare-build.1
EXTRA_DIST += doc/formats.md
