# SPDX-License-Identifier: GPL-2.0-or-later
# What packaging/ adds to the build, and the files around the programs that belong to a release.
EXTRA_DIST += COPYING demo check .ci/run .clang-format .shellcheckrc build-aux/summary.sh \
  scripts/setup-packages scripts/build scripts/lib.sh \
  examples/rpmmacros.debian examples/kvd/make-srpm examples/kvd/kvd.spec examples/kvd/fix.patch \
  examples/kvd/src/Makefile examples/kvd/src/kv.h examples/kvd/src/kv_store.c \
  examples/kvd/src/kv_proto.c examples/kvd/src/session.h examples/kvd/src/session.c \
  examples/kvd/src/kvd.c examples/kvd/src/kvtool.c
