# SPDX-License-Identifier: GPL-2.0-or-later
# Tests of the product as a whole.
EXTRA_DIST += tests/tap-subr.sh tests/e2e-example.sh tests/e2e-redis.sh tests/e2e-bad-input.sh \
  tests/e2e-crash.sh tests/packaging-install.sh tests/packaging-rpm.sh
TESTS += tests/packaging-install.sh tests/packaging-rpm.sh tests/e2e-example.sh \
  tests/e2e-bad-input.sh tests/e2e-crash.sh tests/e2e-redis.sh
