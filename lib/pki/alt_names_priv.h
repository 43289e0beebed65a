/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The value of a subjectAltName, entry by entry, read as strict DER without OpenSSL: a forger
 * gets it from outside, and ten thousand entries must cost no allocation. Inside lib/pki.
 */
#pragma once

#include <openssl/x509.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/attr.h"
#include "lib/base/bytes.h"

enum alt_kind { ALT_DNS, ALT_IP, ALT_OTHER };

struct alt_name {
	enum alt_kind kind;
	const uint8_t *data; /* content: text of a DNS name without NUL, bytes of an address */
	size_t len;
	const uint8_t *der; /* the entry as it stands */
	size_t der_len;
};

/*
 * Opens the SEQUENCE, which must fill the bytes and must not be empty. SL_EMALFORMED.
 * For alt_names_next.
 */
int alt_names_open(const uint8_t *der, size_t len, struct reader *ret_names)
        SL_NONNULL(1, 3) SL_MUST;

/* The next entry; false at the end and at what is malformed (then names->failed). */
bool alt_names_next(struct reader *names, struct alt_name *ret_name) SL_NONNULL(1, 2) SL_MUST;

/* A DNS name of printable ASCII, up to 253 bytes; an address of 4 or 16. */
bool alt_name_is_sound(const struct alt_name *name) SL_NONNULL(1);

/* The value in a certificate; NULL: it has none. More than one count as `*ret_twice`. */
const uint8_t *alt_names_of(const X509 *cert, size_t *ret_len, bool *ret_twice) SL_NONNULL(1, 2, 3);
