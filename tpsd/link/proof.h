/* SPDX-License-Identifier: Apache-2.0 */
/*
 * R161: whether a document that came into force proves good. Two things count: that the SMS was
 * reached after the commit, by a connection made after it; and that handshakes fail no more than
 * REMOTE_FAILURES_TIMES as often as in the ten minutes before, by the minute, once there are
 * REMOTE_FAILURES_FLOOR of them. Failures are counted by all processes in their counters.
 * `link`'s one thread.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/attr.h"

struct counter_file;

enum {
	PROOF_WINDOW_MS = 10 * 60 * 1000,
	PROOF_SAMPLE_MS = 60 * 1000, /* between two samples of the counters */
	PROOF_SAMPLES = 11,
};

struct proof_facts {
	bool reached;                        /* the SMS, after the commit */
	uint64_t failures_before, window_ms; /* in that time before the commit */
	uint64_t failures_since, since_ms;
};

enum proof_verdict {
	PROOF_KEEP,
	PROOF_UNREACHED, /* not yet: it may still be, until the time is over */
	PROOF_FAILURES,  /* too many: let it revert */
};

enum proof_verdict proof_judge(const struct proof_facts *facts) SL_NONNULL(1);
/* Why it reverts, a sentence for the SMS. */
void proof_text(const struct proof_facts *facts, char *text, size_t size) SL_NONNULL(1, 2);

/* Handshakes that failed on either leg, since the counters began. */
uint64_t proof_failures(const struct counter_file *file) SL_NONNULL(1);

/* The last ten minutes, a sample a minute. */
struct proof_samples {
	struct {
		uint64_t at_ms, failures;
	} items[PROOF_SAMPLES];
	unsigned count, next;
};

void proof_sample(struct proof_samples *samples, uint64_t now_ms, uint64_t failures) SL_NONNULL(1);
/* Failures since the oldest sample that is not older than the window, and how long that is ago; 0
 * and 0 without one, or when the counters began again since. */
void proof_before(const struct proof_samples *samples, uint64_t now_ms, uint64_t failures,
                  uint64_t *ret_failures, uint64_t *ret_window_ms) SL_NONNULL(1, 4, 5);
