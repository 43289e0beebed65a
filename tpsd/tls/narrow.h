/* SPDX-License-Identifier: Apache-2.0 */
/*
 * OpenSSL's default provider, with the decoders of public keys only. libcrypto 3.0 goes through
 * all decoders there are for the key of each certificate that a server shows: 40 in the default
 * provider, of which a worker can use twelve (SubjectPublicKeyInfo in DER). Reading a P-256
 * certificate took 250 us with all of them and takes 110 us. Every other operation is the default
 * provider's as it is, properties too. Private keys cannot be read where this is loaded: they are
 * none of a worker's business. docs/internals/tls.md.
 */
#pragma once

#include <openssl/provider.h>

#include "lib/base/attr.h"

/*
 * Loads it into OpenSSL's default library context, in place of "default". Call it before anything
 * else uses that context, in the process that forked this one too: OpenSSL loads its default
 * provider at the first use, and then all decoders are there (a warning says so). The default
 * provider itself lives in a library context of its own, once a process and to its end. NULL when
 * it cannot be loaded; else for OSSL_PROVIDER_unload. One thread.
 */
OSSL_PROVIDER *narrow_load(void) SL_MUST;
