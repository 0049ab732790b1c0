# SPDX-License-Identifier: GPL-2.0-or-later
# What gcc-plugin/ adds to the build.
