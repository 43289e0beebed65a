/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Answers for tps that look ahead: what was learned, and so is left alone (R156). What was recorded
 * is recall.c's. Worker's thread.
 */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/clock.h"
#include "lib/base/err.h"
#include "tpsd/session/session_priv.h"

enum { LEARNED_TAIL = 64 }; /* bytes kept for what stands behind the rows */

struct learned_rows {
	struct buf *out;
	uint64_t now_ns;
	size_t entries, shown;
	bool full;
	int rc;
};

static json_t *learned_row(const struct learned_entry *e, uint64_t now_ns)
{
	char client[ADDR_TEXT_MAX], server[ADDR_TEXT_MAX];
	enum reason reason = (unsigned)e->reason < REASON_END ? e->reason : REASON_NONE;

	return json_pack("{s:s, s:i, s:s, s:s, s:s, s:I}", "server",
	                 addr_format(&e->server, server), "port", e->port, "name", e->sni, "client",
	                 e->client.family == ADDR_NONE ? "all" : addr_format(&e->client, client),
	                 "reason", reason_name(reason), "seconds_left",
	                 (json_int_t)((e->until_ns - now_ns) / CLOCK_NS_PER_S));
}

/* Counts what does not fit any more, too. */
static void add_learned(void *arg, const struct learned_entry *e)
{
	struct learned_rows *rows = arg;
	json_t *row = learned_row(e, rows->now_ns);
	char *text = row ? json_dumps(row, JSON_COMPACT) : NULL;

	rows->entries++;
	if (text && strlen(text) + LEARNED_TAIL > rows->out->max - rows->out->len)
		rows->full = true;
	if (text && rows->rc == 0 && !rows->full)
		rows->rc = buf_printf(rows->out, "%s%s", rows->shown++ ? "," : "", text);
	free(text);
	json_decref(row);
}

int host_learned_json(struct host *h, struct buf *out)
{
	struct learned_rows rows = {.out = out, .now_ns = loop_now_ns(h->loop)};

	rows.rc = buf_printf(out, "{\"learned\":[");
	learned_each(h->learned, rows.now_ns, add_learned, &rows);
	return rows.rc == 0 ? buf_printf(out, "],\"entries\":%zu}", rows.entries) : rows.rc;
}

size_t host_learned_clear(struct host *h, const char *name)
{
	return learned_clear(h->learned, name);
}
