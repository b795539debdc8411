# SPDX-License-Identifier: Apache-2.0
#
# Checks of configure.ac, one macro each.  What is missing ends the run with
# one line that names the Debian package or the option that mends it.

# OVSX_MISSING(WHAT, REMEDY)
AC_DEFUN([OVSX_MISSING], [AC_MSG_ERROR([$1 not found: $2])])

# OVSX_NEED_PROG(VARIABLE, PROGRAM, PACKAGE)
AC_DEFUN([OVSX_NEED_PROG],
  [AC_PATH_PROG([$1], [$2])
   AS_IF([test -z "$$1"],
     [OVSX_MISSING([$2], [install the Debian package $3])])])

# OVSX_TOOLS: what assembly and build call.
AC_DEFUN([OVSX_TOOLS],
  [AC_PROG_CC
   AC_PROG_CXX
   AS_IF([test -z "`$CXX --version 2>/dev/null`"],
     [OVSX_MISSING([a C++ compiler], [install the Debian package g++])])
   AC_PROG_SED
   AC_PROG_MKDIR_P
   OVSX_NEED_PROG([PATCH_PROG], [patch], [patch])
   OVSX_NEED_PROG([AUTORECONF], [autoreconf], [autoconf])
   OVSX_NEED_PROG([AUTOMAKE_PROG], [automake], [automake])
   OVSX_NEED_PROG([LIBTOOLIZE], [libtoolize], [libtool])
   OVSX_NEED_PROG([PKG_CONFIG], [pkg-config], [pkg-config])
   # Debian's Python modules are for Debian's Python, hence that one first.
   AC_PATH_PROG([PYTHON3], [python3], [], [/usr/bin:$PATH])
   AS_IF([test -z "$PYTHON3"],
     [OVSX_MISSING([python3], [install the Debian package python3])])
   AC_MSG_CHECKING([whether $PYTHON3 is 3.8 or later])
   AS_IF(["$PYTHON3" -c 'import sys; sys.exit(sys.version_info < (3, 8))'],
     [AC_MSG_RESULT([yes])],
     [AC_MSG_ERROR([$PYTHON3 is too old: set PYTHON3 to a Python 3.8 or later])])])

# OVSX_OVS_SOURCE: --with-ovs-source.
AC_DEFUN([OVSX_OVS_SOURCE],
  [AC_ARG_WITH([ovs-source],
     [AS_HELP_STRING([--with-ovs-source=DIR|TARBALL],
        [source of Open vSwitch @<:@/usr/src/openvswitch/openvswitch.tar.gz@:>@])],
     [], [with_ovs_source=/usr/src/openvswitch/openvswitch.tar.gz])
   AC_MSG_CHECKING([for the source of Open vSwitch])
   AS_CASE([$with_ovs_source],
     [yes|no|''], [AC_MSG_ERROR([--with-ovs-source needs a directory or tarball])],
     [/*], [OVS_SOURCE=$with_ovs_source],
     [OVS_SOURCE=`pwd`/$with_ovs_source])
   AS_IF([test ! -e "$OVS_SOURCE"],
     [AC_MSG_RESULT([no])
      OVSX_MISSING([$OVS_SOURCE], [install the Debian package openvswitch-source or give --with-ovs-source])])
   ovsx_stderr=`"$PYTHON3" "$srcdir/build-aux/check-source" "$OVS_SOURCE" 2>&1 >conftest.version`
   AS_IF([test -n "$ovsx_stderr"],
     [AC_MSG_RESULT([no])
      AC_MSG_ERROR([$ovsx_stderr])])
   OVS_SOURCE_VERSION=`cat conftest.version`
   rm -f conftest.version
   AC_MSG_RESULT([$OVS_SOURCE ($OVS_SOURCE_VERSION)])
   AC_SUBST([OVS_SOURCE])
   AC_SUBST([OVS_SOURCE_VERSION])])

# OVSX_LINUX: --with-linux and --with-linux-source.  The kernel module is not
# part of the default build: "make datapath" looks for what is not given.
AC_DEFUN([OVSX_LINUX],
  [AC_ARG_WITH([linux],
     [AS_HELP_STRING([--with-linux=BUILDDIR],
        [build directory of the kernel that the module is for @<:@newest 6.1 installed@:>@])],
     [], [with_linux=no])
   AS_CASE([$with_linux],
     [no|yes|''], [LINUX_BUILD=],
     [AS_IF([test ! -e "$with_linux/Makefile"],
        [AC_MSG_ERROR([$with_linux: not a kernel build directory: install the Debian package linux-headers-amd64 or give another --with-linux])])
      LINUX_BUILD=`cd "$with_linux" && pwd`])
   AC_ARG_WITH([linux-source],
     [AS_HELP_STRING([--with-linux-source=DIR|TARBALL],
        [source of Linux that holds net/openvswitch @<:@/usr/src/linux-source-6.1.tar.xz@:>@])],
     [], [with_linux_source=no])
   AS_CASE([$with_linux_source],
     [no|yes|''], [LINUX_SOURCE=],
     [AS_IF([test -e "$with_linux_source/net/openvswitch/datapath.c" || test -f "$with_linux_source"],
        [AS_CASE([$with_linux_source],
           [/*], [LINUX_SOURCE=$with_linux_source],
           [LINUX_SOURCE=`pwd`/$with_linux_source])],
        [AC_MSG_ERROR([$with_linux_source: holds no net/openvswitch: install the Debian package linux-source-6.1 or give another --with-linux-source])])])
   AC_SUBST([LINUX_BUILD])
   AC_SUBST([LINUX_SOURCE])])

# OVSX_TLS: on unless --disable-ssl.
AC_DEFUN([OVSX_TLS],
  [AC_ARG_ENABLE([ssl],
     [AS_HELP_STRING([--disable-ssl], [do without TLS (OpenSSL)])],
     [], [enable_ssl=yes])
   ovsx_tls=no
   AS_IF([test "$enable_ssl" != no],
     [AC_MSG_CHECKING([for OpenSSL])
      AS_IF([$PKG_CONFIG --exists openssl],
        [AC_MSG_RESULT([yes])
         ovsx_tls=yes],
        [AC_MSG_RESULT([no])
         OVSX_MISSING([OpenSSL], [install the Debian package libssl-dev or give --disable-ssl])])])])

# OVSX_UNBOUND: on unless --disable-unbound.
AC_DEFUN([OVSX_UNBOUND],
  [AC_ARG_ENABLE([unbound],
     [AS_HELP_STRING([--disable-unbound],
        [do not resolve names of controllers and managers (libunbound)])],
     [], [enable_unbound=yes])
   ovsx_unbound=no
   AS_IF([test "$enable_unbound" != no],
     [AC_CHECK_HEADER([unbound.h], [ovsx_unbound=yes],
        [OVSX_MISSING([unbound.h], [install the Debian package libunbound-dev or give --disable-unbound])])])])

# OVSX_AFXDP: on if its libraries are there, required by --enable-afxdp.
AC_DEFUN([OVSX_AFXDP],
  [AC_ARG_ENABLE([afxdp],
     [AS_HELP_STRING([--enable-afxdp],
        [require AF_XDP ports @<:@if the libraries are there@:>@])],
     [], [enable_afxdp=auto])
   ovsx_afxdp=no
   AS_IF([test "$enable_afxdp" != no],
     [ovsx_afxdp=yes
      m4_foreach([pair], [[bpf/bpf.h libbpf-dev], [xdp/xsk.h libxdp-dev], [numa.h libnuma-dev]],
        [OVSX_AFXDP_HEADER(m4_translit(pair, [ ], [,]))])])])

# OVSX_AFXDP_HEADER(HEADER, PACKAGE)
AC_DEFUN([OVSX_AFXDP_HEADER],
  [AC_CHECK_HEADER([$1], [],
     [ovsx_afxdp=no
      AS_IF([test "$enable_afxdp" = yes],
        [OVSX_MISSING([$1], [install the Debian package $2 or give --disable-afxdp])])])
])

# OVSX_XDP_OFFLOAD: programs for the kernel's virtual machine that AF_XDP ports
# use.  On if there is what compiles them, or if the tarball has them compiled;
# required by --enable-xdp-offload.
AC_DEFUN([OVSX_XDP_OFFLOAD],
  [AC_ARG_ENABLE([xdp-offload],
     [AS_HELP_STRING([--enable-xdp-offload],
        [require XDP programs for AF_XDP ports @<:@if clang and bpftool are there@:>@])],
     [], [enable_xdp_offload=auto])
   AC_C_BIGENDIAN([BPF_TARGET=bpfeb], [BPF_TARGET=bpfel], [BPF_TARGET=bpf])
   AC_PATH_PROG([CLANG], [clang])
   AC_PATH_PROG([BPFTOOL], [bpftool], [], [$PATH:/usr/sbin:/sbin])
   BPF_CPPFLAGS=-I/usr/include/`$CC -print-multiarch 2>/dev/null`
   ovsx_xdp_clang=no
   ovsx_xdp_remedy=
   AS_IF([test "$enable_xdp_offload" = no], [],
     [test $ovsx_afxdp = no],
       [ovsx_xdp_remedy="needs AF_XDP ports, see --enable-afxdp"],
     [OVSX_XDP_CLANG
      AS_IF([test $ovsx_xdp_clang = no && test ! -e "$srcdir/skeletons/$BPF_TARGET"],
        [ovsx_xdp_remedy="install the Debian packages clang and bpftool or give --disable-xdp-offload"])])
   AS_IF([test "$enable_xdp_offload" = yes && test -n "$ovsx_xdp_remedy"],
     [AC_MSG_ERROR([what compiles XDP programs is missing: $ovsx_xdp_remedy])])
   AS_IF([test "$enable_xdp_offload" = no || test -n "$ovsx_xdp_remedy"],
     [XDP_OFFLOAD=0
      ovsx_xdp_offload=no],
     [XDP_OFFLOAD=1
      ovsx_xdp_offload=yes])
   AM_CONDITIONAL([XDP_OFFLOAD], [test $XDP_OFFLOAD = 1])
   AM_CONDITIONAL([XDP_CLANG], [test $ovsx_xdp_clang = yes])
   AC_SUBST([XDP_OFFLOAD])
   AC_SUBST([BPF_TARGET])
   AC_SUBST([BPF_CPPFLAGS])])

# OVSX_XDP_CLANG: sets ovsx_xdp_clang to yes if $CLANG and $BPFTOOL do what is
# needed.
AC_DEFUN([OVSX_XDP_CLANG],
  [AC_MSG_CHECKING([whether clang and bpftool make XDP programs])
   AS_IF([test -n "$CLANG" && test -n "$BPFTOOL"],
     [AS_ECHO(["#include <linux/bpf.h>"]) >conftest.bpf.c
      AS_ECHO(["#include <bpf/bpf_helpers.h>"]) >>conftest.bpf.c
      AS_ECHO(["SEC(\"xdp\") int f(struct xdp_md *ctx) { return !ctx; }"]) >>conftest.bpf.c
      AS_IF([$CLANG -O2 -g -target $BPF_TARGET $BPF_CPPFLAGS -c -o conftest.bpf.o conftest.bpf.c >&AS_MESSAGE_LOG_FD 2>&1 &&
             $BPFTOOL gen object conftest.linked.o conftest.bpf.o >&AS_MESSAGE_LOG_FD 2>&1 &&
             $BPFTOOL gen skeleton conftest.linked.o name f >&AS_MESSAGE_LOG_FD 2>&1],
        [ovsx_xdp_clang=yes])
      rm -f conftest.bpf.c conftest.bpf.o conftest.linked.o])
   AC_MSG_RESULT([$ovsx_xdp_clang])])

# OVSX_OVS_ARGUMENTS: writes the script "configure-ovs", which runs upstream's
# configure with the user's arguments, less those that are ours alone.
AC_DEFUN([OVSX_OVS_ARGUMENTS],
  [ovsx_args=
   eval "set x $ac_configure_args"
   shift
   for ovsx_arg
   do
     AS_CASE([$ovsx_arg],
       [--with-ovs-source*|--with-linux*|*-unbound|*-afxdp|*-xdp-offload|--enable-unbound=*|--enable-afxdp=*|--enable-xdp-offload=*], [],
       [*-ssl|--enable-ssl=*|--cache-file=*|--srcdir=*|PYTHON3=*], [],
       [ovsx_arg=`AS_ECHO(["$ovsx_arg"]) | sed "s/'/'\\\\\\\\''/g"`
        ovsx_args="$ovsx_args '$ovsx_arg'"])
   done
   AS_IF([test $ovsx_tls = yes],
     [ovsx_args="$ovsx_args --enable-ssl"], [ovsx_args="$ovsx_args --disable-ssl"])
   AS_IF([test $ovsx_afxdp = yes], [ovsx_args="$ovsx_args --enable-afxdp"])
   AS_IF([test $ovsx_unbound = no],
     [# Upstream has no switch for it but believes a cached answer.
      ovsx_args="$ovsx_args ac_cv_lib_unbound_ub_ctx_create=no"])
   ovsx_args="$ovsx_args PYTHON3='$PYTHON3'"
   cat >configure-ovs.tmp <<OVSX_EOF
#!/bin/sh
# Runs the configure of the source tree given as this build wants it.
exec "\$[]1/configure" --disable-option-checking --enable-silent-rules $ovsx_args
OVSX_EOF
   # Its time tells make whether upstream must be configured again.
   AS_IF([cmp -s configure-ovs.tmp configure-ovs],
     [rm -f configure-ovs.tmp],
     [mv configure-ovs.tmp configure-ovs])])
