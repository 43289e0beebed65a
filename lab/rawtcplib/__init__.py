# SPDX-License-Identifier: Apache-2.0
"""What lab/rawtcp is made of: frames by hand, a link, a connection, TLS on it, and scripts."""
