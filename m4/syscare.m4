dnl SPDX-License-Identifier: GPL-2.0-or-later
dnl Checks that only SysCare needs: the headers of the GCC plugin interface and a compiler for BPF.

dnl SYSCARE_GCC_PLUGIN: GCC_PLUGIN_DIR, GCC_TARGET and GCC_VERSION of the compiler that builds us.
AC_DEFUN([SYSCARE_GCC_PLUGIN], [
  AC_MSG_CHECKING([for the plugin headers of $CC])
  GCC_PLUGIN_DIR=`$CC -print-file-name=plugin`
  AS_IF([test -f "$GCC_PLUGIN_DIR/include/gcc-plugin.h"],
    [AC_MSG_RESULT([$GCC_PLUGIN_DIR])],
    [AC_MSG_RESULT([no]); AC_MSG_ERROR([the GCC plugin headers are missing (gcc-plugin-devel, gcc-12-plugin-dev)])])
  GCC_TARGET=`$CC -dumpmachine`
  GCC_VERSION=`$CC -dumpversion`
  AC_SUBST([GCC_PLUGIN_DIR])
  AC_SUBST([GCC_TARGET])
  AC_SUBST([GCC_VERSION])
])

dnl SYSCARE_BPF_CLANG: BPF_CLANG compiles BPF programs, BPFTOOL makes their skeletons.
AC_DEFUN([SYSCARE_BPF_CLANG], [
  AC_PATH_PROGS([BPF_CLANG], [clang clang-19 clang-18 clang-17 clang-16 clang-15 clang-14], [no])
  AC_PATH_PROGS([BPFTOOL], [bpftool], [no], [$PATH:/usr/sbin:/sbin])
  AS_IF([test "$BPF_CLANG" = no || test "$BPFTOOL" = no],
    [AC_MSG_ERROR([clang and bpftool are needed for the BPF programs])])
])
