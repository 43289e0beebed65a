/* SPDX-License-Identifier: Apache-2.0 */
/*
 * STATE/sms/state.json: which SMS this device belongs to, and how far the two have got. Written
 * whenever something of it changes; read at the start. Nothing in it is secret. `link`'s one
 * thread.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/attr.h"
#include "lib/conf/name.h"
#include "lib/remote/remote.h"
#include "lib/remote/token.h"

struct buf;

enum { RECORD_ADDRESS_MAX = 256, RECORD_TEXT_MAX = 1024, RECORD_MAX = 64 * 1024 };

struct record {
	char address[RECORD_ADDRESS_MAX]; /* "": enrolled nowhere */
	uint16_t port;
	uint8_t pin[REMOTE_PIN];
	char name[CONF_NAME_SHORT + 1]; /* that the SMS knows it by */
	bool revoked;

	uint32_t revision;          /* of the SMS, handled last; 0: none */
	enum remote_state state;    /* what became of it: FETCHED to REVERTED */
	char text[RECORD_TEXT_MAX]; /* why, of REFUSED and REVERTED */
	bool told;                  /* the SMS has heard of that */
	uint8_t sha256[32];         /* of what came into force with it, canonical */

	uint8_t licence[32]; /* of the SMS, taken last; zeros: none */

	/* While it is IN_FORCE and has to prove good: */
	uint64_t commit_ms, prove_ms;        /* wall clock of its commit; for how long */
	uint64_t failures_before, window_ms; /* handshake failures in that time before it */
	uint64_t failures_commit;            /* as the counters were then */
};

/* Adds JSON. */
int record_write(const struct record *record, struct buf *out) SL_NONNULL(1, 2) SL_MUST;
/* SL_EMALFORMED: nothing of `ret_record` is set. */
int record_read(const void *text, size_t len, struct record *ret_record) SL_NONNULL(1, 3) SL_MUST;
