/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The untrusted CA: it signs for servers that did not verify, so that the client's own warning
 * appears (R100, R101). Each device makes one for itself at first start and keeps it in a file,
 * since a client that once said "go on" to a site should not be asked again after a restart. Used
 * by `keys` alone. docs/internals/client.md.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "lib/base/attr.h"
#include "lib/pki/forge.h"

#define UNTRUSTED_CA_NAME "Untrusted Server CA"

/*
 * Reads the CA from an open file (reading and writing), or makes one and writes it there: when the
 * file is empty, torn, expired, or not of our making; all but the first with a warning in the log.
 * A file that cannot be written is an error in the log, and the CA is good until the process ends.
 * `path` is for the log. SL_ECRYPTO, SL_ENOMEM, SL_EINVAL (a clock that no certificate can have).
 * Free with pki_issuer_fini.
 */
int untrusted_ca_open(int fd, const char *path, int64_t now, struct pki_issuer *ret_ca)
        SL_NONNULL(2, 4) SL_MUST;
