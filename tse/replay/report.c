/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Prints matches as EVE events.
 */
#include "tse/replay/report.h"

#include <jansson.h>
#include <stdlib.h>

#include "lib/base/clock.h"

/* Bytes that are not UTF-8 are shown as Latin-1, so that every event is valid JSON. */
static json_t *text(const char *s)
{
	json_t *t = json_string(s);
	char latin[3 * sizeof(((struct tse_http_info *)0)->uri)];
	size_t n = 0;

	if (t)
		return t;
	for (const unsigned char *p = (const unsigned char *)s; *p && n + 2 < sizeof(latin); p++) {
		if (*p < 0x80) {
			latin[n++] = (char)*p;
		} else {
			latin[n++] = (char)(0xc0 | *p >> 6);
			latin[n++] = (char)(0x80 | (*p & 0x3f));
		}
	}
	latin[n] = '\0';
	return json_string(latin);
}

static json_t *alert_object(const struct tse_match *m)
{
	return json_pack("{s:s, s:I, s:I, s:I, s:o, s:o, s:I, s:o}", "action",
	                 m->action.block ? "blocked" : "allowed", "gid", (json_int_t)m->gid,
	                 "signature_id", (json_int_t)m->sid, "rev", (json_int_t)m->rev, "signature",
	                 text(m->msg), "category", text(m->classtype), "severity",
	                 (json_int_t)m->priority, "rule_metadata", text(m->metadata));
}

static json_t *http_object(const struct tse_http_info *h)
{
	json_t *o =
	        json_pack("{s:o, s:o, s:o, s:o}", "hostname", text(h->host), "url", text(h->uri),
	                  "http_user_agent", text(h->user_agent), "http_method", text(h->method));

	if (o && h->status)
		(void)json_object_set_new(o, "status", json_integer(h->status));
	return o;
}

static json_t *event(const struct feeder *f, const struct tse_match *m,
                     const struct tse_http_info *http)
{
	bool up = m->direction == TSE_TO_SERVER;
	char when[CLOCK_TEXT_MAX];
	char client[ADDR_TEXT_MAX];
	char server[ADDR_TEXT_MAX];
	json_t *o;

	addr_format(&f->tuple.client, client);
	addr_format(&f->tuple.server, server);
	o = json_pack("{s:s, s:I, s:s, s:s, s:i, s:s, s:i, s:s, s:s, s:I, s:i, s:o}", "timestamp",
	              clock_format_us(f->wall_us, when), "flow_id", (json_int_t)f->id, "event_type",
	              "alert", "src_ip", up ? client : server, "src_port",
	              up ? f->tuple.client_port : f->tuple.server_port, "dest_ip",
	              up ? server : client, "dest_port",
	              up ? f->tuple.server_port : f->tuple.client_port, "proto", "TCP", "direction",
	              up ? "to_server" : "to_client", "stream_offset", (json_int_t)m->offset,
	              "tx_id", (int)m->transaction, "alert", alert_object(m));
	if (o && http)
		(void)json_object_set_new(o, "http", http_object(http));
	return o;
}

void report_matches(void *arg, const struct feeder *f, const struct tse_result *result,
                    const struct tse_http_info *http)
{
	for (size_t i = 0; i < result->nmatches; i++) {
		json_t *o = event(f, &result->matches[i], http);

		if (!o)
			continue;
		(void)json_dumpf(o, arg, JSON_COMPACT | JSON_PRESERVE_ORDER);
		(void)fputc('\n', arg);
		json_decref(o);
	}
}
