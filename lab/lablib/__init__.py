# SPDX-License-Identifier: Apache-2.0
"""The lab's own library: what lab/lab, the end-to-end harness and bench share."""
