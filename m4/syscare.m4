dnl SPDX-License-Identifier: GPL-2.0-or-later
dnl Checks that only SysCare needs: the headers of the GCC plugin interface and a compiler for BPF.

dnl SYSCARE_GCCS_FOUND: PLUGIN_GCCS is $CC and what else is called gcc-N in PATH, in the order of N,
dnl as far as it comes with plugin headers.
AC_DEFUN([SYSCARE_GCCS_FOUND], [
  PLUGIN_GCCS=${CC%% *}
  for number in 7 8 9 10 11 12 13 14 15 16; do
    found=`command -v gcc-$number 2>/dev/null`
    AS_IF([test -n "$found" && test -f "`$found -print-file-name=plugin`/include/gcc-plugin.h"],
      [PLUGIN_GCCS="$PLUGIN_GCCS gcc-$number"])
  done
])

dnl SYSCARE_STATIC_LIBSTDCXX: GCC_PLUGIN_LDFLAGS, with which the plugin has what it needs of libstdc++ in
dnl itself: to load that costs each captured compile a millisecond. Needs libstdc++.a with code for
dnl shared objects (Fedora: libstdc++-static).
AC_DEFUN([SYSCARE_STATIC_LIBSTDCXX], [
  AC_MSG_CHECKING([whether $CXX puts libstdc++ into shared objects])
  AC_LANG_PUSH([C++])
  GCC_PLUGIN_LDFLAGS='-static-libstdc++ -static-libgcc -Wl,--exclude-libs,ALL'
  saved_LDFLAGS=$LDFLAGS
  LDFLAGS="$LDFLAGS -shared -fPIC $GCC_PLUGIN_LDFLAGS"
  AC_LINK_IFELSE([AC_LANG_SOURCE([[
#include <map>
#include <string>
std::map<std::string, int> *make(const char *text)
{
    auto map = new std::map<std::string, int>;

    (*map)[std::string(text) + "?"] = 1;
    return map;
}
]])], [AC_MSG_RESULT([yes])], [AC_MSG_RESULT([no]); GCC_PLUGIN_LDFLAGS=])
  LDFLAGS=$saved_LDFLAGS
  AC_LANG_POP([C++])
  AC_SUBST([GCC_PLUGIN_LDFLAGS])
])

dnl SYSCARE_GCC_PLUGIN: PLUGIN_GCCS, the compilers that the plugin is built for, and GCC_PLUGINS, what
dnl is made: gcc/<target>/<version>/syscare_record.so for each. The directory is that of GCC's own
dnl search path, so its version is -dumpversion ("12" on Debian); the plugin itself checks the rest.
AC_DEFUN([SYSCARE_GCC_PLUGIN], [
  AC_ARG_WITH([gcc],
    [AS_HELP_STRING([--with-gcc="GCC..."],
      [compilers to build the plugin for (default: $CC, and each gcc-N that has plugin headers)])],
    [PLUGIN_GCCS=$withval], [SYSCARE_GCCS_FOUND])
  GCC_PLUGINS=
  for gcc in $PLUGIN_GCCS; do
    AC_MSG_CHECKING([for the plugin headers of $gcc])
    dir=`$gcc -print-file-name=plugin`
    AS_IF([test -f "$dir/include/gcc-plugin.h"],
      [AC_MSG_RESULT([$dir])],
      [AC_MSG_RESULT([no]); AC_MSG_ERROR([the GCC plugin headers are missing (gcc-plugin-devel, gcc-12-plugin-dev)])])
    plugin=gcc/`$gcc -dumpmachine`/`$gcc -dumpversion`/syscare_record.so
    AS_CASE([" $GCC_PLUGINS "], [*" $plugin "*], [], [GCC_PLUGINS="$GCC_PLUGINS $plugin"])
  done
  GCC_PLUGIN_WERROR=
  AS_IF([test "$enable_werror" = yes], [GCC_PLUGIN_WERROR=-Werror])
  SYSCARE_STATIC_LIBSTDCXX
  AC_SUBST([PLUGIN_GCCS])
  AC_SUBST([GCC_PLUGINS])
  AC_SUBST([GCC_PLUGIN_WERROR])
])

dnl SYSCARE_BPF_CLANG: BPF_CLANG compiles BPF programs, BPFTOOL makes their skeletons.
AC_DEFUN([SYSCARE_BPF_CLANG], [
  AC_PATH_PROGS([BPF_CLANG], [clang clang-19 clang-18 clang-17 clang-16 clang-15 clang-14], [no])
  AC_PATH_PROGS([BPFTOOL], [bpftool], [no], [$PATH:/usr/sbin:/sbin])
  AS_IF([test "$BPF_CLANG" = no || test "$BPFTOOL" = no],
    [AC_MSG_ERROR([clang and bpftool are needed for the BPF programs])])
])

dnl SYSCARE_LIBDWARF: DWARF_CFLAGS and DWARF_LIBS. Releases before 0.1 come without a pkg-config
dnl file; the headers lie in /usr/include/libdwarf or, later, in libdwarf-0.
AC_DEFUN([SYSCARE_LIBDWARF], [
  PKG_CHECK_MODULES([DWARF], [libdwarf], [], [
    DWARF_CFLAGS=
    for directory in /usr/include/libdwarf-0 /usr/include/libdwarf; do
      AS_IF([test -f "$directory/libdwarf.h"], [DWARF_CFLAGS="-I$directory"; break])
    done
    saved_CPPFLAGS=$CPPFLAGS
    CPPFLAGS="$CPPFLAGS $DWARF_CFLAGS"
    AC_CHECK_HEADER([libdwarf.h], [], [AC_MSG_ERROR([libdwarf.h is missing (libdwarf-devel, libdwarf-dev)])])
    CPPFLAGS=$saved_CPPFLAGS
    AC_CHECK_LIB([dwarf], [dwarf_siblingof_b], [DWARF_LIBS=-ldwarf],
      [AC_MSG_ERROR([libdwarf is missing (libdwarf-devel, libdwarf-dev)])])
  ])
  AC_SUBST([DWARF_CFLAGS])
  AC_SUBST([DWARF_LIBS])
])

dnl SYSCARE_ARCH: RUNTIME_ARCH, where runtime/arch/ has a file for this processor, and DIFFER_ARCH,
dnl the processor that syscare-diff makes patches for. Everything else is built everywhere.
AC_DEFUN([SYSCARE_ARCH], [
  AM_CONDITIONAL([RUNTIME_ARCH], [test -f "$srcdir/runtime/arch/$host_cpu.c"])
  AM_CONDITIONAL([RUNTIME_X86_64], [test "$host_cpu" = x86_64])
  AC_SUBST([DIFFER_ARCH], [x86_64])
])
