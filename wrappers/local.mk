# SPDX-License-Identifier: GPL-2.0-or-later
# What wrappers/ adds to the build.
