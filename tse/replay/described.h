/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A connection described as text, for tests and for trying a rule without a capture. One line a
 * step:
 *
 *   # a remark                     service http|imap|pop3|other|detect
 *   client ADDRESS PORT            server ADDRESS PORT
 *   > bytes to the server          < bytes to the client
 *   > eof                          < eof      (alone: that direction ends)
 *
 * In bytes, \r \n \t \\ \xNN are escapes; "\*N c" stands for N times the character c.
 */
#pragma once

#include "tse/replay/feeder.h"

struct described {
	struct tse_engine *engine;
	size_t split;
	feeder_sink_fn *sink;
	void *sink_arg;
	/* what came of it */
	enum tse_verdict verdict;
	uint64_t released[2];
	unsigned line; /* of an error */
};

/* Runs a description of `len` bytes. SL_EMALFORMED with d->line; SL_ENOMEM, SL_ELIMIT. */
int described_run(struct described *d, const char *text, size_t len) SL_NONNULL(1, 2) SL_MUST;
