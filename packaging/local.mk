# SPDX-License-Identifier: GPL-2.0-or-later
# What packaging/ adds to the build.
