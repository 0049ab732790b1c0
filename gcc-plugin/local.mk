# SPDX-License-Identifier: GPL-2.0-or-later
# What gcc-plugin/ adds to the build: the plugin, once for each GCC that configure was given.
EXTRA_DIST += gcc-plugin/record.cc

# gcc/<target>/<version>/syscare_record.so: the directories in which GCC itself looks for cc1. (automake
# wants EXTRA_SCRIPTS for names that only configure knows.)
nobase_syscarelibexec_SCRIPTS = $(GCC_PLUGINS)
EXTRA_SCRIPTS =
CLEANFILES += $(GCC_PLUGINS)

# GCC is built without RTTI and with its own standard; headers of GCC are not ours to warn about.
GCC_PLUGIN_CXXFLAGS = -std=gnu++14 -fPIC -fno-rtti -fno-exceptions -Wall -Wextra -Wshadow

$(GCC_PLUGINS): gcc-plugin/record.cc lib/build_note.h
	$(AM_V_GEN)$(MKDIR_P) $(@D) && \
	for gcc in $(PLUGIN_GCCS); do \
	  target=`$$gcc -dumpmachine`; version=`$$gcc -dumpversion`; \
	  test "gcc/$$target/$$version" = "$(@D)" || continue; \
	  $(CXX) $(GCC_PLUGIN_CXXFLAGS) $(GCC_PLUGIN_WERROR) $(CXXFLAGS) -I$(top_srcdir) \
	    -isystem `$$gcc -print-file-name=plugin`/include -DSC_GCC_TARGET="\"$$target\"" \
	    -shared $(LDFLAGS) $(GCC_PLUGIN_LDFLAGS) -o $@ $(top_srcdir)/gcc-plugin/record.cc || exit 1; \
	done; test -f $@
