# SPDX-License-Identifier: GPL-2.0-or-later
# What differ/ adds to the build.
