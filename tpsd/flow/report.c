/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The ssl_inspection event of flows of which no worker can tell, because the wire itself decided: a
 * limit, a fallback, TCP MD5 or AO, a start or a direction that was not seen, an end that gave up;
 * or because their worker is gone (R31, R98, R159). So many a second and no more; the counters have
 * them all. `tpsd: wire`.
 */
#include <arpa/inet.h>
#include <string.h>

#include "tpsd/flow/wire.h"

enum { REPORTS_A_SECOND = 50 };

static bool may_report(struct wire *w)
{
	uint64_t now = loop_now_ns(w->proc->loop);

	if (now - w->reports_ns >= CLOCK_NS_PER_S) {
		w->reports_ns = now;
		w->reports = 0;
	}
	return w->proc->ring && w->reports++ < REPORTS_A_SECOND;
}

void report_flow(struct wire *w, const struct wire_key *key, int client, uint64_t number,
                 enum reason reason, enum reason_outcome outcome)
{
	struct event_line *l = &w->line;
	struct addr from = {.family = key->family}, to = {.family = key->family};

	counter_add_reason(w->proc->counters, reason);
	if (!may_report(w))
		return;
	memcpy(from.bytes, key->addr[client & 1], sizeof(from.bytes));
	memcpy(to.bytes, key->addr[!client], sizeof(to.bytes));
	event_begin(l, EVENT_SSL_INSPECTION, "ssl_inspection");
	if (number)
		event_uint(l, "flow_id", number);
	event_tuple(l, &from, ntohs(key->port[client & 1]), &to, ntohs(key->port[!client]));
	if (w->config && key->segment < w->config->segments_count)
		event_text(l, "segment", w->config->segments[key->segment].name);
	if (key->vlan)
		event_uint(l, "vlan", key->vlan);
	event_text(l, "outcome", reason_outcome_name(outcome));
	event_text(l, "reason", reason_name(reason));
	event_text(l, "reason_text", reason_text(reason));
	if (reason_class(reason) != FAILURE_NONE)
		event_text(l, "class", failure_class_name(reason_class(reason)));
	(void)event_end(l, w->proc->ring);
}
