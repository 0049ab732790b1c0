# SPDX-License-Identifier: GPL-2.0-or-later
# What tests/ adds to the build.
