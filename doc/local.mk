# SPDX-License-Identifier: GPL-2.0-or-later
# What doc/ adds to the build.
