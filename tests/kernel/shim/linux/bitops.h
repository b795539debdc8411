/* SPDX-License-Identifier: GPL-2.0-only */
/* The functions are in kernel-shim.h. */
