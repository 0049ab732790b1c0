# shellcheck shell=bash
# Kernels and root file systems from Debian's packages, for the guests of run.sh.
# SPDX-License-Identifier: GPL-2.0-or-later
#
# apt works with lists, a state and a cache of its own below the build directory; the machine's
# sources are only asked where Debian's mirror is. Packages are unpacked, never installed: none of
# their scripts runs.

: "${cache:?}"

# The release of Debian that has a kernel. Usage: suite_of KERNEL_VERSION
suite_of() {
    case $1 in
    5.10) echo bullseye ;;
    6.1) echo bookworm ;;
    6.12) echo trixie ;;
    *) return 1 ;;
    esac
}

# Debian's names of processors. Usage: debian_arch MACHINE
debian_arch() {
    case $1 in
    x86_64) echo amd64 ;;
    aarch64) echo arm64 ;;
    *) return 1 ;;
    esac
}

# The mirror that this machine takes its packages from, or VMTEST_MIRROR.
mirror() {
    if [ -n "${VMTEST_MIRROR:-}" ]; then
        echo "$VMTEST_MIRROR"
        return
    fi
    # shellcheck disable=SC2016 # apt's own variables
    apt-get indextargets --format '$(LABEL) $(REPO_URI)' 'Identifier: Packages' |
        awk '$1 == "Debian" { print $2; exit }'
}

# Settings for an apt of our own. Usage: apt_configure DIRECTORY SUITE ARCH MIRROR
apt_configure() {
    local key=/usr/share/keyrings/debian-archive-keyring.gpg
    mkdir -p "$1/lists/partial" "$1/cache/archives/partial" "$1/etc" || return
    : > "$1/status"
    echo "deb [signed-by=$key] $4 $2 main" > "$1/sources.list"
    # The machine's own settings hold too (a proxy), but for what they do after an update.
    cat > "$1/conf" << END
Dir::State "$1";
Dir::State::lists "$1/lists";
Dir::State::status "$1/status";
Dir::Cache "$1/cache";
Dir::Etc::sourcelist "$1/sources.list";
Dir::Etc::sourceparts "/dev/null";
Dir::Etc::preferencesparts "/dev/null";
APT::Architecture "$3";
APT::Sandbox::User "root";
Acquire::Languages "none";
Acquire::Retries "3";
#clear APT::Architectures;
#clear APT::Update;
#clear APT::NeverAutoRemove;
APT::Architectures { "$3"; };
END
}

# An apt for a release and a processor, with fresh lists when it is new. Sets apt.
# Usage: apt_begin SUITE ARCH
apt_begin() {
    local uri
    apt=$cache/apt/$1-$2
    [ ! -e "$apt/ready" ] || return 0
    uri=$(mirror)
    [ -n "$uri" ] || { echo "no mirror of Debian is known here (VMTEST_MIRROR)"; return 1; }
    apt_configure "$apt" "$1" "$2" "$uri" && apt-get -c "$apt/conf" -q update || return
    touch "$apt/ready"
}

# Unpacks a package over a tree in which /lib and its like may be links. Usage: unpack DEB ROOT
unpack() {
    dpkg-deb --fsys-tarfile "$1" | tar -x --keep-directory-symlink --no-same-owner -C "$2"
}

# The newest kernel of a release, as a directory with boot/ and lib/modules/.
# Usage: fetch_kernel VERSION MACHINE DIRECTORY
fetch_kernel() {
    local suite arch name
    [ ! -e "$3/ready" ] || return 0
    suite=$(suite_of "$1") || { echo "no release of Debian with Linux $1 is known here"; return 1; }
    arch=$(debian_arch "$2") || { echo "no kernel for $2 is known here"; return 1; }
    apt_begin "$suite" "$arch" || return
    name=$(apt-cache -c "$apt/conf" show "linux-image-$arch" |
        sed -n 's/^Depends: \(linux-image-[^ ,]*\).*/\1/p' | head -n 1)
    [ -n "$name" ] || { echo "$suite has no linux-image-$arch"; return 1; }
    rm -rf "$3"
    mkdir -p "$3/deb" && (cd "$3/deb" && apt-get -c "$apt/conf" -q download "$name") &&
        unpack "$(find "$3/deb" -name '*.deb')" "$3" && rm -r "$3/deb" && touch "$3/ready"
}

# A root of packages with all that they depend on. Usage: fetch_root SUITE MACHINE DIRECTORY PACKAGE...
fetch_root() {
    local root=$3 arch wanted directory deb
    arch=$(debian_arch "$2") || return
    apt_begin "$1" "$arch" || return
    shift 3
    # Another list of packages is another root.
    wanted="$apt $*"
    [ "$(cat "$root/ready" 2> /dev/null)" != "$wanted" ] || return 0
    apt-get -c "$apt/conf" -q -y --no-install-recommends --download-only install "$@" || return
    rm -rf "$root"
    for directory in bin lib sbin; do
        mkdir -p "$root/usr/$directory" && ln -s "usr/$directory" "$root/$directory" || return
    done
    for deb in "$apt"/cache/archives/*.deb; do
        unpack "$deb" "$root" || return
    done
    echo "$wanted" > "$root/ready"
}
