/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Commands of the CLI for the wire: flows, segments, stats, capacity, fallback, segment_check,
 * clear. Answers are JSON, built here; tables of many entries come in pieces. `tpsd: wire`.
 */
#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/err.h"
#include "tpsd/flow/table.h"
#include "tpsd/flow/wire.h"

enum { ANSWER_MAX = 120 * 1024, FLOWS_A_PIECE = 200 };

struct show {
	struct wire *wire;
	uint64_t id;
	json_t *arguments; /* an object, or NULL */
	struct buf out;
};

static void answer(struct show *s, int status, bool more)
{
	proc_answer(s->wire->proc, s->id, status, buf_text(&s->out), s->out.len, more);
	buf_consume(&s->out, s->out.len);
}

static void say(struct show *s, const char *fmt, ...) SL_PRINTF(2, 3);

static void say(struct show *s, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	(void)buf_vprintf(&s->out, fmt, ap);
	va_end(ap);
}

/* Text of ours or of the configuration; what JSON does not take is left out. */
static void say_text(struct show *s, const char *text)
{
	say(s, "\"");
	for (; *text; text++)
		if ((unsigned char)*text >= 0x20 && *text != '"' && *text != '\\')
			say(s, "%c", *text);
	say(s, "\"");
}

static void show_stats(struct show *s)
{
	const struct program *p = &s->wire->program;

	say(s, "{\"counts\":{");
	for (int i = 0; i < WIRE_COUNT_END; i++)
		say(s, "%s\"%s\":%llu", i ? "," : "", table_count_name((enum wire_count)i),
		    (unsigned long long)table_count(p, (enum wire_count)i));
	say(s, "},\"drops\":{");
	for (int i = 0; i < WIRE_DROP_END; i++)
		say(s, "%s\"%s\":%llu", i ? "," : "", table_drop_name((enum wire_drop)i),
		    (unsigned long long)table_dropped(p, (enum wire_drop)i));
	say(s, "}}");
	answer(s, 0, false);
}

static double share(const struct wire_limit *l)
{
	return l->limit ? (double)l->now / (double)l->limit : 0;
}

/* R160: the binding one first. */
static void show_capacity(struct show *s)
{
	const struct wire *w = s->wire;
	int order[WIRE_LIMIT_END];

	for (int i = 0; i < WIRE_LIMIT_END; i++) {
		int at = i;

		for (; at > 0 && share(&w->limits[order[at - 1]]) < share(&w->limits[i]); at--)
			order[at] = order[at - 1];
		order[at] = i;
	}
	say(s, "[");
	for (int i = 0; i < WIRE_LIMIT_END; i++) {
		const struct wire_limit *l = &w->limits[order[i]];

		say(s,
		    "%s{\"resource\":\"%s\",\"now\":%llu,\"peak\":%llu,\"limit\":%llu,"
		    "\"reached\":%s}",
		    i ? "," : "", limit_name((enum wire_limit_name)order[i]),
		    (unsigned long long)l->now, (unsigned long long)l->peak,
		    (unsigned long long)l->limit, l->reached ? "true" : "false");
	}
	say(s, "]");
	answer(s, 0, false);
}

static void say_port(struct show *s, const char *key, const struct port *p)
{
	say(s, ",\"%s\":{\"name\":", key);
	say_text(s, p->name);
	say(s, ",\"ifindex\":%u,\"mtu\":%u,\"link\":\"%s\",\"taken_down\":%s}", p->ifindex, p->mtu,
	    p->up ? "up" : "down", p->taken_down ? "true" : "false");
}

static void show_segments(struct show *s)
{
	const struct wire *w = s->wire;
	bool first = true;

	say(s, "[");
	for (unsigned i = 0; i < WIRE_SEGMENTS_MAX; i++) {
		const struct wire_segment_state *g = &w->segments[i];

		if (!g->open)
			continue;
		say(s, "%s{\"index\":%u,\"name\":", first ? "" : ",", i);
		say_text(s, g->name);
		say_port(s, "port_a", &g->port[0]);
		say_port(s, "port_b", &g->port[1]);
		say(s, ",\"sessions\":%u,\"mode\":\"%s\"}", w->segment_sessions[i],
		    w->was_off ? "fallback" : "inspection");
		first = false;
	}
	say(s, "]");
	answer(s, 0, false);
}

static const char *state_name(uint8_t state)
{
	static const char *const names[] = {"", "watch", "held", "forward", "divert", "block"};

	return state < SL_ARRAY_LEN(names) ? names[state] : "unknown";
}

static const char *tunnel_name(uint8_t tunnel)
{
	static const char *const names[] = {"none", "gre", "gre_key", "ipip"};

	return tunnel < SL_ARRAY_LEN(names) ? names[tunnel] : "unknown";
}

static void say_tuple(struct show *s, const struct wire_key *k, int client)
{
	struct addr a = {.family = k->family}, b = {.family = k->family};
	char text[ADDR_TEXT_MAX];

	memcpy(a.bytes, k->addr[client & 1], sizeof(a.bytes));
	memcpy(b.bytes, k->addr[!client], sizeof(b.bytes));
	say(s, "\"segment\":%u,\"vlan\":%u,\"tunnel\":\"%s\",\"tunnel_key\":%u,\"client\":\"%s\",",
	    k->segment, k->vlan, tunnel_name(k->tunnel), k->tunnel_key, addr_format(&a, text));
	say(s, "\"client_port\":%u,\"server\":\"%s\",\"server_port\":%u",
	    ntohs(k->port[client & 1]), addr_format(&b, text), ntohs(k->port[!client]));
}

static void say_flow(struct show *s, const struct wire_key *k, const struct wire_flow *f)
{
	say(s, "{\"flow_id\":%llu,\"state\":\"%s\",", (unsigned long long)f->flow,
	    state_name(f->state));
	say_tuple(s, k, f->client);
	say(s, ",\"reason\":\"%s\",\"age_ms\":%llu}",
	    f->reason < REASON_END ? reason_name((enum reason)f->reason) : "none",
	    (unsigned long long)((clock_now_ns() - f->created_ns) / CLOCK_NS_PER_MS));
}

/* A piece is a JSON array; the receiver joins them. */
static void show_flows(struct show *s)
{
	int fd = s->wire->program.map.flows;
	struct wire_key key, next;
	bool have = !bpf_map_get_next_key(fd, NULL, &key);
	unsigned n = 0;

	say(s, "[");
	while (have) {
		struct wire_flow f;

		have = !bpf_map_get_next_key(fd, &key, &next);
		if (!bpf_map_lookup_elem_flags(fd, &key, &f, BPF_F_LOCK)) {
			say(s, "%s", n ? "," : "");
			say_flow(s, &key, &f);
			n++;
		}
		key = next;
		if (n == FLOWS_A_PIECE && have) {
			say(s, "]");
			answer(s, 0, true);
			say(s, "[");
			n = 0;
		}
	}
	say(s, "]");
	answer(s, 0, false);
}

static const char *mark_name(uint16_t reason)
{
	static const char *const names[WIRE_MARK_END] = {
	        [WIRE_MARK_FALLBACK] = "fallback",   [WIRE_MARK_OVERLOAD] = "overload",
	        [WIRE_MARK_MIDSTREAM] = "midstream", [WIRE_MARK_ONE_WAY] = "one_way",
	        [WIRE_MARK_TCP_AUTH] = "tcp_auth",   [WIRE_MARK_PANIC] = "panic",
	};

	return reason < WIRE_MARK_END && names[reason] ? names[reason] : "unknown";
}

/* Flows that were let by uninspected. */
static void show_uninspected(struct show *s)
{
	int fd = s->wire->program.map.marks;
	struct wire_key key, next;
	bool have = !bpf_map_get_next_key(fd, NULL, &key);
	unsigned n = 0;

	say(s, "[");
	while (have) {
		struct wire_mark m;

		have = !bpf_map_get_next_key(fd, &key, &next);
		if (!bpf_map_lookup_elem(fd, &key, &m)) {
			say(s, "%s{\"reason\":\"%s\",", n ? "," : "", mark_name(m.reason));
			say_tuple(s, &key, m.client & 1);
			say(s, "}");
			n++;
		}
		key = next;
		if (n == FLOWS_A_PIECE && have) {
			say(s, "]");
			answer(s, 0, true);
			say(s, "[");
			n = 0;
		}
	}
	say(s, "]");
	answer(s, 0, false);
}

static bool clear_wanted(const struct wire *w)
{
	return w->config && w->config->ssl_inspection.session_clear_on_fallback;
}

static void command_fallback(struct show *s)
{
	const char *state = json_string_value(json_object_get(s->arguments, "state"));
	bool on = state && !strcmp(state, "on");
	int error;

	if (!state || (!on && strcmp(state, "off") != 0)) {
		say(s, "{\"text\":\"say on or off\"}");
		answer(s, SL_EINVAL, false);
		return;
	}
	error = switch_set(s->wire, WIRE_SWITCH_CLEAR, on && clear_wanted(s->wire));
	if (!error)
		error = switch_set(s->wire, WIRE_SWITCH_FALLBACK, on);
	say(s, "{\"fallback\":%s}", on ? "true" : "false");
	answer(s, error, false);
}

/* New flows are forwarded, live sessions go on: `tps drain` and the second step of panic. */
static void command_stop(struct show *s)
{
	const char *state = json_string_value(json_object_get(s->arguments, "state"));
	bool on = !state || !strcmp(state, "on");

	say(s, "{\"stopped\":%s}", on ? "true" : "false");
	answer(s, switch_set(s->wire, WIRE_SWITCH_STOP, on), false);
}

/* How many workers may inspect: those beyond get no new flows. */
static void command_licence(struct show *s)
{
	json_int_t n = json_integer_value(json_object_get(s->arguments, "workers"));
	bool good = n >= 0 && n <= PROC_WORKERS_MAX;

	if (good)
		s->wire->workers_allowed = (unsigned)n;
	say(s, "{\"workers\":%u}", s->wire->workers_allowed);
	answer(s, good ? 0 : SL_EINVAL, false);
}

static void command_clear(struct show *s)
{
	json_int_t number = json_integer_value(json_object_get(s->arguments, "flow_id"));

	say(s, "{\"cleared\":%u}", flow_clear(s->wire, (uint64_t)number));
	answer(s, 0, false);
}

static void command_except(struct show *s)
{
	const char *client = json_string_value(json_object_get(s->arguments, "client"));
	const char *server = json_string_value(json_object_get(s->arguments, "server"));
	json_int_t seconds = json_integer_value(json_object_get(s->arguments, "seconds"));
	struct wire_exception_key key = {.server = client ? 0 : 1};
	uint64_t until;
	struct addr a;
	int error = SL_EINVAL;

	if ((client || server) && seconds >= 0 && seconds <= 7 * 24 * 3600 &&
	    !addr_parse(client ? client : server, &a)) {
		memcpy(key.addr, a.bytes, sizeof(key.addr));
		until = clock_now_ns() + (uint64_t)seconds * CLOCK_NS_PER_S;
		if (seconds == 0)
			error = bpf_map_delete_elem(s->wire->program.map.exceptions, &key) &&
			                        errno != ENOENT
			                ? SL_ESYS
			                : 0;
		else
			error = bpf_map_update_elem(s->wire->program.map.exceptions, &key, &until,
			                            BPF_ANY)
			                ? SL_ELIMIT
			                : 0;
	}
	say(s, "{\"seconds\":%lld}", (long long)seconds);
	answer(s, error, false);
}

/* R158 */
static void command_segment_check(struct show *s)
{
	const char *only = json_string_value(json_object_get(s->arguments, "segment"));
	json_t *list = segment_check(s->wire, only);
	char *text = json_dumps(list, JSON_COMPACT);

	if (only && json_array_size(list) == 0)
		say(s, "{\"text\":\"there is no such segment\"}");
	else
		say(s, "%s", text ? text : "[]");
	answer(s, only && json_array_size(list) == 0 ? SL_ENOENT : 0, false);
	free(text);
	json_decref(list);
}

static const struct {
	const char *name;
	void (*run)(struct show *s);
} commands[] = {
        {"flows", show_flows},
        {"uninspected", show_uninspected},
        {"segments", show_segments},
        {"stats", show_stats},
        {"capacity", show_capacity},
        {"fallback", command_fallback},
        {"stop", command_stop},
        {"except", command_except},
        {"segment_check", command_segment_check},
        {"licence", command_licence},
        {"clear", command_clear},
};

void show_command(struct wire *w, uint64_t id, const char *name, const char *arguments_json)
{
	struct show s = {.wire = w, .id = id};

	buf_init(&s.out, ANSWER_MAX);
	if (arguments_json && *arguments_json)
		s.arguments = json_loads(arguments_json, 0, NULL);
	for (size_t i = 0; i < SL_ARRAY_LEN(commands); i++) {
		if (strcmp(commands[i].name, name) != 0)
			continue;
		commands[i].run(&s);
		goto out;
	}
	say(&s, "{\"text\":\"the wire has no such command\"}");
	answer(&s, SL_ENOENT, false);
out:
	json_decref(s.arguments);
	buf_fini(&s.out);
}
