/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Feeds one connection's bytes to the engine as a relay would.
 */
#include "tse/replay/feeder.h"

#include "lib/base/err.h"

enum { HELD_MAX = 16 * 1024 * 1024 };

int feeder_begin(struct feeder *f, struct tse_engine *engine, const struct tse_tuple *tuple,
                 enum tse_service service, uint64_t id)
{
	*f = (struct feeder){.tuple = *tuple, .id = id};
	buf_init(&f->held[0], HELD_MAX);
	buf_init(&f->held[1], HELD_MAX);
	return tse_flow_begin(engine, tuple, service, &f->flow);
}

void feeder_end(struct feeder *f)
{
	tse_flow_end(f->flow);
	f->flow = NULL;
	buf_fini(&f->held[0]);
	buf_fini(&f->held[1]);
}

static void tell(struct feeder *f)
{
	struct tse_http_info http;
	bool is_http;

	if (f->result.nmatches == 0 || !f->sink)
		return;
	is_http = tse_flow_http(f->flow, &http);
	f->sink(f->sink_arg, f, &f->result, is_http ? &http : NULL);
}

static int feed(struct feeder *f, enum tse_direction dir, const uint8_t *data, size_t len, bool eof)
{
	struct buf *held = &f->held[dir];
	int rc = buf_add(held, data, len);

	if (rc != 0)
		return rc;
	tse_feed(f->flow, dir, held->data, held->len, eof, &f->result);
	f->verdict = f->result.verdict;
	f->released[dir] += f->result.release;
	buf_consume(held, f->result.release);
	tell(f);
	return 0;
}

int feeder_take(struct feeder *f, enum tse_direction dir, const uint8_t *data, size_t len, bool eof)
{
	size_t step = f->split ? f->split : SL_MAX(len, (size_t)1);
	int rc = 0;

	if (len == 0)
		return f->verdict == TSE_BLOCK ? 0 : feed(f, dir, data, 0, eof);
	for (size_t at = 0; rc == 0 && at < len && f->verdict != TSE_BLOCK; at += step) {
		size_t n = SL_MIN(step, len - at);

		rc = feed(f, dir, data + at, n, eof && at + n == len);
	}
	return rc;
}
