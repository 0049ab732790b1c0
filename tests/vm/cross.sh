#!/bin/bash
# A root file system for another processor, and SysCare and its tests built for it.
# SPDX-License-Identifier: GPL-2.0-or-later
#
# usage: cross.sh MACHINE CACHE      makes CACHE/MACHINE/root and CACHE/MACHINE/build
#
# The root is what the tests need to run and what a compiler needs to link; the programs are built on
# the host. Only GCC's plugin interface is asked of the root's own compiler, in user-mode emulation.
set -euo pipefail
export LC_ALL=C
machine=$1 cache=$2
source=${top_srcdir:?}
here=$source/tests/vm
root=$cache/$machine/root build=$cache/$machine/build
# shellcheck source=tests/vm/fetch-subr.sh
. "$here/fetch-subr.sh"

# The release of the host's libraries does not matter; this is one that has all that is needed.
suite=bookworm
packages="bash dash coreutils util-linux tar gawk sed grep findutils procps iproute2 mount busybox-static
    gcc gcc-12-plugin-dev binutils libc6-dev libgcc-12-dev libelf-dev libdwarf-dev libdw-dev
    libarchive-dev librpm-dev libbpf-dev libjson-c-dev nettle-dev libsystemd-dev libcapstone-dev
    libcmocka-dev zlib1g-dev libzstd-dev rpm cpio"

# The root's own GCC, which answers what its plugins are built with. Nothing is compiled by it here.
native_gcc() {
    cat > "$cache/$machine/native-gcc" << END
#!/bin/sh
exec qemu-$machine-static -L '$root' '$root/usr/bin/$machine-linux-gnu-gcc-12' "\$@"
END
    chmod 0755 "$cache/$machine/native-gcc"
}

# pkg-config that sees the root's packages only.
export_pkg_config() {
    export PKG_CONFIG_SYSROOT_DIR=$root PKG_CONFIG_PATH=
    export PKG_CONFIG_LIBDIR=$root/usr/lib/$machine-linux-gnu/pkgconfig:$root/usr/share/pkgconfig
}

configure() {
    local triplet=$machine-linux-gnu
    mkdir -p "$build"
    (cd "$build" && "$source/configure" --quiet --enable-werror --host="$triplet" --prefix=/usr \
        --sysconfdir=/etc --localstatedir=/var --with-gcc="$cache/$machine/native-gcc" \
        CC="$triplet-gcc --sysroot=$root" CXX="$triplet-g++ --sysroot=$root")
}

# shellcheck disable=SC2086 # a list of names
fetch_root "$suite" "$machine" "$root" $packages
native_gcc
export_pkg_config
[ -f "$build/config.status" ] || configure
make -C "$build" -j "$(nproc)" all
make -C "$build" -j "$(nproc)" check TESTS=
