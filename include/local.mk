# SPDX-License-Identifier: GPL-2.0-or-later
# The headers for authors of source patches.
include_HEADERS = include/syscare-patch.h include/syscare-patch-runtime.h
