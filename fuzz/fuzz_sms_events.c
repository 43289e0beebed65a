/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libFuzzer: a batch of events as a device sends it. What is kept has the device's own numbers,
 * ascending and below the one that comes next; its words have no byte that a search could take for
 * more than a word.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "smsd/ingest/ingest_batch.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct ingest_batch batch = {.device = "box",
	                                   .epoch = "00000000000000ab",
	                                   .first = size > 0 ? data[0] % 8 : 0,
	                                   .lines = data,
	                                   .len = size};
	const struct batch_frame frame = {.now_ms = 1769860800000,
	                                  .oldest_ms = 1767225600000,
	                                  .odd_ms = 1769860800000,
	                                  .known = size % 2,
	                                  .expected = 3};
	struct batch_read read;

	if (batch_read(&batch, &frame, &read) != 0)
		return 0;
	for (size_t i = 0; i < read.count; i++) {
		const struct event_record *r = &read.records[i];

		if (r->seq >= read.next || r->time_ms < frame.oldest_ms ||
		    memchr(r->line, '\n', r->len) || memchr(r->words, '"', r->words_len) ||
		    memchr(r->words, '*', r->words_len) || memchr(r->words, '\0', r->words_len))
			abort();
		if (i > 0 && r->device == read.records[i - 1].device &&
		    r->seq <= read.records[i - 1].seq)
			abort();
	}
	batch_read_fini(&read);
	return 0;
}
