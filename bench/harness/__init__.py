# SPDX-License-Identifier: Apache-2.0
"""What all benchmarks share; see README.rst, one directory up."""
