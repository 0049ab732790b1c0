# SPDX-License-Identifier: GPL-2.0-or-later
# What rpmtools/ adds to the build.
