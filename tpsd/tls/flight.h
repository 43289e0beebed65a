/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The way of a TLS leg's bytes to and from its socket. OpenSSL writes a record a system call, and
 * each goes out as packets of its own; here the records of one ops->write are gathered in a buffer
 * that the legs of a worker share, and leave with one call. What the socket does not take stays
 * with the leg. Worker's thread.
 */
#pragma once

#include <openssl/bio.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/attr.h"

struct tls_leg;
struct flight;

/* Gathered bytes that the socket did not take; all zero: none. */
struct flight_rest {
	uint8_t *data; /* owned */
	size_t at, len;
};

/* NULL when memory is short. */
struct flight *flight_create(void) SL_MUST;
/* After the last leg that uses it. */
void flight_destroy(struct flight *f);

/* A BIO on the leg's socket, the caller's to free; it sends at once unless gathering. NULL when
 * memory is short. */
BIO *flight_bio(struct flight *f, struct tls_leg *tl) SL_NONNULL(1, 2) SL_MUST;

/* From here to flight_send, records of this leg are gathered. The leg has no rest. */
void flight_gather(struct flight *f, struct tls_leg *tl) SL_NONNULL(1, 2);

/*
 * Sends what was gathered. 0, also when a rest stays with the leg; SL_ESYS with errno when the
 * socket failed, SL_ENOMEM when the rest could not be kept.
 */
int flight_send(struct flight *f) SL_NONNULL(1) SL_MUST;

/* Sends the leg's rest. 0 when there is none left, SL_EAGAIN, SL_ESYS with errno. */
int flight_flush(struct tls_leg *tl) SL_NONNULL(1) SL_MUST;

void flight_rest_fini(struct flight_rest *rest) SL_NONNULL(1);
