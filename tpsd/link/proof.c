/* SPDX-License-Identifier: Apache-2.0 */
#include "tpsd/link/proof.h"

#include <inttypes.h>
#include <stdio.h>

#include "lib/event/counter.h"
#include "lib/remote/remote.h"

/* Each failed handshake counts once: the server's leg fails as serverConnectionFailures, the
 * client's as one of the others. */
static const enum counter counted[] = {
        COUNTER_clientCipherOther,
        COUNTER_clientVersionOther,
        COUNTER_clientErrors,
        COUNTER_serverConnectionFailures,
};

uint64_t proof_failures(const struct counter_file *file)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < SL_ARRAY_LEN(counted); i++)
		sum += counter_sum(file, counted[i]);
	return sum;
}

/* By the minute, without a division: since / since_ms > TIMES * before / window_ms. Without a time
 * before there was no failure before. */
static bool too_many(const struct proof_facts *f)
{
	double since = (double)f->failures_since * (double)f->window_ms;
	double before = (double)f->failures_before * REMOTE_FAILURES_TIMES * (double)f->since_ms;

	if (f->failures_since < REMOTE_FAILURES_FLOOR)
		return false;
	return f->window_ms == 0 || since > before;
}

enum proof_verdict proof_judge(const struct proof_facts *facts)
{
	if (too_many(facts))
		return PROOF_FAILURES;
	return facts->reached ? PROOF_KEEP : PROOF_UNREACHED;
}

void proof_text(const struct proof_facts *f, char *text, size_t size)
{
	if (proof_judge(f) == PROOF_FAILURES)
		(void)snprintf(text, size,
		               "%" PRIu64 " handshakes failed in the %" PRIu64
		               " s after it, %" PRIu64 " in the %" PRIu64 " s before",
		               f->failures_since, f->since_ms / 1000, f->failures_before,
		               f->window_ms / 1000);
	else if (!f->reached)
		(void)snprintf(text, size, "the SMS could not be reached any more");
	else
		(void)snprintf(text, size, "it was not confirmed in time");
}

void proof_sample(struct proof_samples *samples, uint64_t now_ms, uint64_t failures)
{
	samples->items[samples->next].at_ms = now_ms;
	samples->items[samples->next].failures = failures;
	samples->next = (samples->next + 1) % PROOF_SAMPLES;
	if (samples->count < PROOF_SAMPLES)
		samples->count++;
}

void proof_before(const struct proof_samples *samples, uint64_t now_ms, uint64_t failures,
                  uint64_t *ret_failures, uint64_t *ret_window_ms)
{
	*ret_failures = *ret_window_ms = 0;
	for (unsigned i = 0; i < samples->count; i++) {
		unsigned at = (samples->next + PROOF_SAMPLES - samples->count + i) % PROOF_SAMPLES;
		uint64_t at_ms = samples->items[at].at_ms;

		if (at_ms > now_ms || now_ms - at_ms > PROOF_WINDOW_MS + PROOF_SAMPLE_MS / 2 ||
		    samples->items[at].failures > failures)
			continue;
		*ret_failures = failures - samples->items[at].failures;
		*ret_window_ms = now_ms - at_ms;
		return;
	}
}
