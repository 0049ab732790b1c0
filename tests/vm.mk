# SPDX-License-Identifier: GPL-2.0-or-later
# Tests on other kernels and processors, in virtual machines: `make vmtest VMTEST_KERNELS=…`. Minutes
# to an hour: not part of `make check`.
# tests/vm-count.sh tests only how results are counted.
VM_FILES = tests/vm/run.sh tests/vm/fetch-subr.sh tests/vm/guest-subr.sh tests/vm/init.sh \
  tests/vm/guest.sh tests/vm/count.sh tests/vm/activate.sh tests/vm/cross.sh
EXTRA_DIST += $(VM_FILES)
dist_check_SCRIPTS += tests/vm-count.sh
TESTS += tests/vm-count.sh
.PHONY: vmtest
vmtest: all $(check_PROGRAMS) $(check_DATA)
	$(AM_TESTS_ENVIRONMENT) bash $(srcdir)/tests/vm/run.sh
