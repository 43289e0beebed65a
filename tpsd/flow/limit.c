/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Limits at the wire (R145, R160): sessions, unfinished handshakes, age of the oldest decision,
 * table, held packets; sessions by source, destination and segment; tuples on which workers
 * crashed. Past one, new flows go by on_overload of their proxy and segment. `tpsd: wire`.
 */
#include <stdlib.h>
#include <string.h>

#include "lib/base/log.h"
#include "tpsd/flow/table.h"
#include "tpsd/flow/wire.h"

_Static_assert((int)CONFIG_FLOWS_MAX == (int)WIRE_FLOWS_MAX,
               "limits.flows ends where the table does");

enum {
	SUSPECTS_MAX = 1024,
	CRASHES = 3,
	CRASH_WINDOW_S = 60,
	SUSPECT_S = 600,
};

/* An address (and port) and how many sessions it has; a suspect's count is when it ends. */
struct source_key {
	uint8_t addr[2][16];
	uint16_t port;
	uint16_t reserved[3];
};
struct source_count {
	struct source_key key;
	uint64_t count;
	UT_hash_handle hh;
};

static const char *const limit_names[] = {
        [WIRE_LIMIT_SESSIONS] = "sessions",
        [WIRE_LIMIT_HANDSHAKES] = "handshakes",
        [WIRE_LIMIT_DECISION_AGE] = "decision_age_ms",
        [WIRE_LIMIT_FLOWS] = "flows",
        [WIRE_LIMIT_HELD_PACKETS] = "held_packets",
        [WIRE_LIMIT_HELD_BYTES] = "held_bytes",
};

const char *limit_name(enum wire_limit_name limit)
{
	return (unsigned)limit < SL_ARRAY_LEN(limit_names) ? limit_names[limit] : "unknown";
}

static struct source_key source_of(const struct flow *f)
{
	struct source_key k = {0};

	memcpy(k.addr[0], f->key.addr[f->client], 16);
	return k;
}

static struct source_key destination_of(const struct flow *f)
{
	struct source_key k = {.port = f->key.port[!f->client]};

	memcpy(k.addr[1], f->key.addr[!f->client], 16);
	return k;
}

static struct source_key pair_of(const struct flow *f)
{
	struct source_key k = destination_of(f);

	memcpy(k.addr[0], f->key.addr[f->client], 16);
	return k;
}

static uint64_t table_value(struct source_count *table, const struct source_key *key)
{
	struct source_count *s;

	HASH_FIND(hh, table, key, sizeof(*key), s);
	return s ? s->count : 0;
}

static void table_add(struct source_count **table, const struct source_key *key)
{
	struct source_count *s;

	HASH_FIND(hh, *table, key, sizeof(*key), s);
	if (!s) {
		s = calloc(1, sizeof(*s));
		if (!s)
			return;
		s->key = *key;
		HASH_ADD(hh, *table, key, sizeof(s->key), s);
	}
	s->count++;
}

static void table_sub(struct source_count **table, const struct source_key *key)
{
	struct source_count *s;

	HASH_FIND(hh, *table, key, sizeof(*key), s);
	if (!s || --s->count)
		return;
	HASH_DEL(*table, s);
	free(s);
}

static void table_clear(struct source_count **table)
{
	struct source_count *s, *next;

	HASH_ITER (hh, *table, s, next) {
		HASH_DEL(*table, s);
		free(s);
	}
}

void limit_session_begins(struct wire *w, const struct flow *f)
{
	struct source_key source = source_of(f), destination = destination_of(f);

	w->limits[WIRE_LIMIT_SESSIONS].now++;
	w->segment_sessions[f->key.segment % WIRE_SEGMENTS_MAX]++;
	table_add(&w->sources, &source);
	table_add(&w->destinations, &destination);
}

void limit_session_ends(struct wire *w, const struct flow *f)
{
	struct source_key source = source_of(f), destination = destination_of(f);

	w->limits[WIRE_LIMIT_SESSIONS].now--;
	w->segment_sessions[f->key.segment % WIRE_SEGMENTS_MAX]--;
	table_sub(&w->sources, &source);
	table_sub(&w->destinations, &destination);
}

static bool suspect_now(struct wire *w, const struct flow *f)
{
	struct source_key key = pair_of(f);

	return table_value(w->suspects, &key) > loop_now_ns(w->proc->loop);
}

static bool flow_limits_admit(struct wire *w, const struct flow *f)
{
	const struct config *c = w->config;
	struct source_key source = source_of(f), destination = destination_of(f);
	uint32_t segment = f->key.segment, segment_max = 0;

	if (!c)
		return true;
	if (segment < c->segments_count)
		segment_max = c->segments[segment].limits.sessions;
	if (segment_max && w->segment_sessions[segment % WIRE_SEGMENTS_MAX] >= segment_max)
		return false;
	if (c->limits.sessions_per_source &&
	    table_value(w->sources, &source) >= c->limits.sessions_per_source)
		return false;
	return !c->limits.sessions_per_destination ||
	       table_value(w->destinations, &destination) < c->limits.sessions_per_destination;
}

/* What happens to new flows past a limit: what the first segment or all proxies say. */
static bool overload_blocks(const struct config *c)
{
	if (!c || c->server_proxies_count + c->client_proxies_count == 0)
		return false;
	if (c->segments_count && c->segments[0].on_overload == CONFIG_BLOCK)
		return true;
	for (size_t i = 0; i < c->server_proxies_count; i++)
		if (c->server_proxies[i].common.on_failure[FAILURE_OVERLOAD] != CONFIG_BLOCK)
			return false;
	for (size_t i = 0; i < c->client_proxies_count; i++)
		if (c->client_proxies[i].common.on_failure[FAILURE_OVERLOAD] != CONFIG_BLOCK)
			return false;
	return true;
}

/* Says so once, when the threshold is reached; and when it is left. */
static void limit_log(const struct wire *w, enum wire_limit_name which, bool reached)
{
	bool blocks = overload_blocks(w->config);
	const struct wire_limit *l = &w->limits[which];

	if (!reached)
		log_info("limit %s: below the threshold again (%llu of %llu)", limit_name(which),
		         (unsigned long long)l->now, (unsigned long long)l->limit);
	else if (which == WIRE_LIMIT_SESSIONS)
		log_critical("SSL Inspection reached Critical threshold of Max Concurrent "
		             "Connections. Action: %s",
		             blocks ? "Block" : "Allow but bypass Inspection");
	else
		log_critical("limit %s reached (%llu of %llu): new flows are %s", limit_name(which),
		             (unsigned long long)l->now, (unsigned long long)l->limit,
		             blocks ? "blocked" : "bypassed");
}

static void limit_update(struct wire *w, enum wire_limit_name which)
{
	struct wire_limit *l = &w->limits[which];
	uint32_t slack = w->config ? w->config->limits.hysteresis_percent : 10;
	bool was = l->reached;

	if (l->now > l->peak)
		l->peak = l->now;
	if (!l->limit)
		l->reached = false;
	else if (l->now >= l->limit)
		l->reached = true;
	else if (l->now <= l->limit - l->limit * SL_MIN(slack, 100u) / 100)
		l->reached = false;
	if (l->reached != was)
		limit_log(w, which, l->reached);
}

static bool any_reached(const struct wire *w)
{
	for (int i = 0; i < WIRE_LIMIT_END; i++)
		if (w->limits[i].reached)
			return true;
	return false;
}

bool limit_admits(struct wire *w, const struct flow *f)
{
	limit_update(w, WIRE_LIMIT_SESSIONS);
	if (any_reached(w) || suspect_now(w, f) || !flow_limits_admit(w, f)) {
		counter_add(w->proc->counters, COUNTER_refused_overload, 1);
		return false;
	}
	return true;
}

void limit_tick(struct wire *w)
{
	uint64_t now = loop_now_ns(w->proc->loop), waiting = 0;

	for (unsigned i = 0; i < PROC_WORKERS_MAX; i++)
		waiting += w->workers[i].waiting;
	w->limits[WIRE_LIMIT_HANDSHAKES].now = waiting;
	w->limits[WIRE_LIMIT_DECISION_AGE].now =
	        w->oldest ? (now - w->oldest->asked_ns) / CLOCK_NS_PER_MS : 0;
	w->limits[WIRE_LIMIT_FLOWS].now = w->flows_in_table;
	w->limits[WIRE_LIMIT_HELD_PACKETS].now = w->pool.packets;
	w->limits[WIRE_LIMIT_HELD_BYTES].now = w->pool.bytes;
	for (int i = 0; i < WIRE_LIMIT_END; i++)
		limit_update(w, (enum wire_limit_name)i);
}

void limit_configure(struct wire *w)
{
	const struct config_limits *l = &w->config->limits;

	w->limits[WIRE_LIMIT_SESSIONS].limit = l->sessions;
	w->limits[WIRE_LIMIT_HANDSHAKES].limit = l->handshakes;
	w->limits[WIRE_LIMIT_DECISION_AGE].limit = l->decision_age_ms;
	w->limits[WIRE_LIMIT_FLOWS].limit = l->flows;
	w->limits[WIRE_LIMIT_HELD_PACKETS].limit = l->held_packets;
	w->limits[WIRE_LIMIT_HELD_BYTES].limit = l->held_bytes;
	w->pool.packets_max = l->held_packets;
	w->pool.packets_per_flow = l->held_packets_per_flow;
	w->pool.bytes_max = l->held_bytes;
}

static void log_tuple(const struct flow *f, const char *what)
{
	struct addr client = {.family = ADDR_V4}, server = {.family = ADDR_V4};
	char a[ADDR_TEXT_MAX], b[ADDR_TEXT_MAX];
	const uint8_t *pc = (const void *)&f->key.port[f->client];
	const uint8_t *ps = (const void *)&f->key.port[!f->client];

	memcpy(client.bytes, f->key.addr[f->client], 16);
	memcpy(server.bytes, f->key.addr[!f->client], 16);
	log_error("worker %u was lost with flow %llu: %s:%u to %s:%u%s", f->worker,
	          (unsigned long long)f->number, addr_format(&client, a), pc[0] << 8 | pc[1],
	          addr_format(&server, b), ps[0] << 8 | ps[1], what);
}

/* A worker that is lost three times in a minute was perhaps made to: no fallback by a crash. */
void limit_suspect(struct wire *w, const struct flow *f)
{
	const struct wire_worker *k = &w->workers[f->worker];
	struct source_key key = pair_of(f);
	uint64_t now = loop_now_ns(w->proc->loop);
	struct source_count *s;

	if (!k->lost_ns[CRASHES - 1] ||
	    now - k->lost_ns[CRASHES - 1] > CRASH_WINDOW_S * CLOCK_NS_PER_S)
		return;
	log_tuple(f, "; its source and destination go by on_overload now");
	HASH_FIND(hh, w->suspects, &key, sizeof(key), s);
	if (!s) {
		if (HASH_COUNT(w->suspects) >= SUSPECTS_MAX)
			table_clear(&w->suspects);
		s = calloc(1, sizeof(*s));
		if (!s)
			return;
		s->key = key;
		HASH_ADD(hh, w->suspects, key, sizeof(s->key), s);
	}
	s->count = now + SUSPECT_S * CLOCK_NS_PER_S;
}

void limit_fini(struct wire *w)
{
	table_clear(&w->sources);
	table_clear(&w->destinations);
	table_clear(&w->suspects);
}
