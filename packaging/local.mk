# SPDX-License-Identifier: GPL-2.0-or-later
# What packaging/ adds to the build: what a distribution installs beside the programs, and the files
# around them that belong to a release.
EXTRA_DIST += packaging/syscared.service.in packaging/macros.syscare.in packaging/syscare.spec.in \
  packaging/syscare.bash-completion packaging/syscared.conf

# configure's directories name each other (${prefix}/lib); make knows the end of that.
packaging_edit = sed -e 's|@sbindir[@]|$(sbindir)|g' -e 's|@localstatedir[@]|$(localstatedir)|g' \
  -e 's|@syscarelibexecdir[@]|$(syscarelibexecdir)|g' -e 's|@VERSION[@]|$(VERSION)|g'

packaging/syscared.service packaging/macros.syscare: Makefile
	$(AM_V_GEN)$(MKDIR_P) packaging && $(packaging_edit) '$(srcdir)/$@.in' > $@.tmp && mv $@.tmp $@
packaging/syscared.service: packaging/syscared.service.in
packaging/macros.syscare: packaging/macros.syscare.in

rpmmacro_DATA = packaging/macros.syscare
syscareconfdir = $(sysconfdir)/syscare
if RUNTIME_ARCH
dist_syscarelibexec_SCRIPTS = packaging/syscare-report
systemdunit_DATA = packaging/syscared.service
dist_syscareconf_DATA = packaging/syscared.conf
endif
CLEANFILES += packaging/syscared.service packaging/macros.syscare

# Completion is found by the command's name.
install-data-hook:
	$(MKDIR_P) '$(DESTDIR)$(bashcompletiondir)'
	$(INSTALL_DATA) '$(srcdir)/packaging/syscare.bash-completion' \
	  '$(DESTDIR)$(bashcompletiondir)/syscare'
uninstall-hook:
	rm -f '$(DESTDIR)$(bashcompletiondir)/syscare'

# The spec of this version; the archive carries it for `rpmbuild -ta`.
packaging/syscare.spec: packaging/syscare.spec.in Makefile
	$(AM_V_GEN)$(MKDIR_P) packaging && $(packaging_edit) '$(srcdir)/packaging/syscare.spec.in' > $@.tmp && mv $@.tmp $@
CLEANFILES += packaging/syscare.spec

# RPMs of SysCare itself, in rpm/ of the build directory, as the distribution's rpmbuild makes them.
RPMBUILD_OPTIONS =
.PHONY: rpm
rpm: dist packaging/syscare.spec
	rpmbuild -bb $(RPMBUILD_OPTIONS) --define '_topdir $(abs_builddir)/rpm' \
	  --define '_sourcedir $(abs_builddir)' packaging/syscare.spec

# What tests and `make rpm` leave.
clean-local:
	rm -rf rpm tests/fuzz/work tests/*.world tests/*.stage tests/*.cache

# The files around the programs.
EXTRA_DIST += COPYING README.md ARCHITECTURE.md demo .ci/run .clang-format .shellcheckrc \
  build-aux/summary.sh scripts/setup-packages scripts/build scripts/test-turn scripts/lib.sh \
  examples/rpmmacros.debian examples/kvd/make-srpm examples/kvd/kvd.spec examples/kvd/fix.patch examples/kvd/limit.patch \
  examples/kvd/src/Makefile examples/kvd/src/kv.h examples/kvd/src/kv_store.c \
  examples/kvd/src/kv_proto.c examples/kvd/src/session.h examples/kvd/src/session.c \
  examples/kvd/src/kvd.c examples/kvd/src/kvtool.c

# As a member of EXTRA_DIST the script `check` would be the target `check`: `make dist` ran all tests.
dist-hook:
	cp -p $(srcdir)/check $(distdir)/check
