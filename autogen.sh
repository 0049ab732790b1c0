#!/bin/sh
# Makes `configure` from configure.ac; needed once after a fresh clone.
# SPDX-License-Identifier: GPL-2.0-or-later
set -e
cd "$(dirname "$0")"
exec autoreconf --install --warnings=all,no-portability
