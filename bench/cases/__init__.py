# SPDX-License-Identifier: Apache-2.0
"""One file per family of cases; see ../README.rst."""
