/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a worker can say of its sessions when it is asked: the live ones, the last that closed
 * (explain, R163), and what failed, by name and reason (R147).
 */
#include <string.h>

#include "lib/base/clock.h"
#include "lib/base/err.h"
#include "tpsd/session/session_priv.h"

uint64_t recall_hash(uint64_t hash, const char *text)
{
	for (; *text; text++)
		hash = (hash ^ (uint8_t)*text) * 0x100000001b3ULL;
	return (hash ^ 0xff) * 0x100000001b3ULL;
}

void recall_keep(struct host *h, const struct session *s)
{
	struct closed *c = &h->closed[h->closed_at++ % HOST_CLOSED_KEPT];
	const char *text = event_finish(&h->line);
	size_t len = strlen(text);

	/* A longer record is not kept: half of a JSON object helps nobody. */
	c->flow = len < sizeof(c->text) ? s->flow : 0;
	c->len = c->flow ? (uint32_t)len : 0;
	if (c->flow)
		memcpy(c->text, text, len + 1);
}

void recall_count_failure(struct host *h, const struct session *s, enum reason reason)
{
	uint64_t hash = recall_hash(h->seed ^ reason, s->hello.sni);
	struct failure_row *row, *oldest = &h->failures[0];

	for (size_t i = 0; i < sizeof(s->server.bytes); i++)
		hash = (hash ^ s->server.bytes[i]) * 0x100000001b3ULL;
	hash |= 1;
	for (row = h->failures; row < h->failures + HOST_FAILURES; row++) {
		if (row->hash == hash)
			break;
		if (row->last_us < oldest->last_us)
			oldest = row;
	}
	if (row == h->failures + HOST_FAILURES) {
		row = oldest;
		*row = (struct failure_row){.hash = hash,
		                            .reason = reason,
		                            .server = s->server,
		                            .server_port = s->server_port};
		memcpy(row->sni, s->hello.sni, sizeof(row->sni));
	}
	row->count++;
	row->last_us = clock_wall_us();
	row->last_flow = s->flow;
}

static int add_sep(struct buf *out, bool *first)
{
	int rc = *first ? 0 : buf_add(out, ",", 1);

	*first = false;
	return rc;
}

/* Leaves off what would not fit into one answer. */
int host_list_json(const struct host *h, size_t max, struct buf *out)
{
	struct event_line *l = (struct event_line *)&h->line; /* scratch */
	const struct session *s = h->newest;
	bool first = true;
	int rc = buf_add(out, "[", 1);

	for (; rc == 0 && s && max > 0; s = s->older, max--) {
		const char *text;

		line_live(l, s);
		text = event_finish(l);
		if (strlen(text) + 2 > out->max - out->len)
			break;
		rc = add_sep(out, &first);
		if (rc == 0)
			rc = buf_add(out, text, strlen(text));
	}
	return rc == 0 ? buf_add(out, "]", 1) : rc;
}

int host_explain_json(const struct host *h, uint64_t flow, struct buf *out)
{
	for (size_t i = 0; i < HOST_CLOSED_KEPT; i++)
		if (h->closed[i].flow == flow && h->closed[i].len > 0)
			return buf_add(out, h->closed[i].text, h->closed[i].len);
	return SL_ENOENT;
}

int host_failures_json(const struct host *h, struct buf *out)
{
	struct event_line *l = (struct event_line *)&h->line;
	bool first = true;
	int rc = buf_add(out, "[", 1);

	for (size_t i = 0; rc == 0 && i < HOST_FAILURES; i++) {
		const struct failure_row *f = &h->failures[i];
		const char *text;

		if (f->hash == 0)
			continue;
		event_begin(l, EVENT_SSL_INSPECTION, "failure");
		event_text(l, "sni", f->sni);
		event_addr(l, "server", &f->server);
		event_uint(l, "port", f->server_port);
		event_text(l, "reason", reason_name(f->reason));
		event_text(l, "reason_text", reason_text(f->reason));
		event_uint(l, "count", f->count);
		event_uint(l, "last_us", f->last_us);
		event_uint(l, "sample_flow", f->last_flow);
		text = event_finish(l);
		rc = add_sep(out, &first);
		if (rc == 0)
			rc = buf_add(out, text, strlen(text));
	}
	return rc == 0 ? buf_add(out, "]", 1) : rc;
}
