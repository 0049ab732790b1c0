# SPDX-License-Identifier: GPL-2.0-or-later
# Real packages and real fixes: `make corpus CORPUS=DIR [PACKAGES=…] [CASES=…]`. Takes an hour, so it is not in `make check`.
EXTRA_DIST += tests/corpus/run.sh tests/corpus/subr.sh tests/corpus/case.sh tests/corpus/report.py \
  tests/corpus/mapper.c tests/corpus/expected.tsv
.PHONY: corpus
corpus: all
	$(AM_TESTS_ENVIRONMENT) CORPUS='$(CORPUS)' PACKAGES='$(PACKAGES)' CASES='$(CASES)' \
	  bash $(srcdir)/tests/corpus/run.sh
