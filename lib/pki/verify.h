/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A server's chain against a trust store, as a strict browser would (RFC 5280, RFC 6125): path
 * building with missing or reordered intermediates, dates, purposes, names, constraints, weak keys
 * and digests, CRLs and a stapled OCSP answer. One verdict: a row of fault.def. No network, ever.
 * docs/internals/client.md. One thread at a time for one trust store.
 */
#pragma once

#include <openssl/x509.h>
#include <openssl/x509_vfy.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/addr.h"
#include "lib/base/attr.h"

enum pki_fault {
	PKI_FAULT_NONE, /* it verifies */
#define X(NAME, name, kind, text) PKI_FAULT_##NAME,
#include "lib/pki/fault.def"
#undef X
	PKI_FAULT_END
};

enum pki_fault_kind {
	PKI_KIND_NONE,
	PKI_KIND_INVALID,    /* R100 */
	PKI_KIND_EXPIRED,    /* R101 */
	PKI_KIND_REVOCATION, /* failure class revocation_unknown */
	PKI_KIND_NEVER,      /* refused whatever is set */
};

struct pki_verify {
	X509_STORE *trust;      /* roots, further intermediates, CRLs */
	X509 *leaf;             /* what the server showed first */
	STACK_OF(X509) * chain; /* the rest as it came, may be NULL; untrusted */
	const char *name;       /* host name the client asked for, "" none: no name is checked */
	int64_t now;            /* seconds since the epoch; 0: the clock's */
	uint32_t minimum_key_length; /* R96: bits of RSA keys; 0: any that is not weak */
	const uint8_t *staple;       /* OCSP response in DER as it came; NULL: none */
	size_t staple_len;
	bool revocation_required; /* neither CRL nor staple: REVOCATION_UNKNOWN */
	/* Keys of this device's CAs and leaf pool, SHA-256 of each SubjectPublicKeyInfo: any of
	 * them in the chain is OWN_CERTIFICATE. */
	const uint8_t (*own_keys)[32];
	size_t own_keys_count;
};

struct pki_verdict {
	enum pki_fault fault;
	int depth;      /* of the certificate at fault; 0: the leaf */
	int x509_error; /* OpenSSL's, X509_V_OK without one: for debugging */
	int64_t until;  /* the verdict may change then: first notAfter or nextUpdate, seconds */
};

/* Never fails: what cannot be checked is a fault. Bytes of servers outside come here. */
void pki_verify_chain(const struct pki_verify *v, struct pki_verdict *ret) SL_NONNULL(1, 2);

/*
 * R167, a server that the box stands before: whether its chain leads to a certificate of the store,
 * be it a root or not, with none of the path on a CRL of the store. Dates and names are not looked
 * at. `chain` may be NULL.
 */
bool pki_chain_leads_to(X509_STORE *trust, X509 *leaf, STACK_OF(X509) * chain)
        SL_NONNULL(1, 2) SL_MUST;

/* "self_signed"; "none"; never NULL. */
const char *pki_fault_name(enum pki_fault fault);
const char *pki_fault_text(enum pki_fault fault);
enum pki_fault_kind pki_fault_kind(enum pki_fault fault);

enum { PKI_PRINT_LEN = 32 };

/* SHA-256 over leaf and chain in DER: the name of what a server showed. SL_ECRYPTO. */
int pki_chain_print(X509 *leaf, STACK_OF(X509) * chain, uint8_t ret_print[PKI_PRINT_LEN])
        SL_NONNULL(1, 3) SL_MUST;
