# SPDX-License-Identifier: Apache-2.0
"""mitmproxy keeps 100 certificates that it made; the bench has more sites than that."""

from mitmproxy import certs

certs.CertStore.STORE_CAP = 20000
