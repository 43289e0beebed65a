/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whether the box is placed right (R158): what each segment's ports are and have seen, what the
 * kernel does, and how much of the traffic is of a kind that is not inspected. Looks only; nothing
 * is sent. `tpsd: wire`, on command.
 */
#include <jansson.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "lib/base/err.h"
#include "tpsd/flow/table.h"
#include "tpsd/flow/wire.h"

enum { EVIDENCE_MAX = 400, REMEDY_MAX = 200 };

/* One check's answer; a remedy is a fault. */
struct finding {
	char evidence[EVIDENCE_MAX];
	char remedy[REMEDY_MAX];
};

static void say(struct finding *f, const char *fmt, ...) SL_PRINTF(2, 3);
static void fault(struct finding *f, const char *fmt, ...) SL_PRINTF(2, 3);

/* Adds to the evidence. */
static void say(struct finding *f, const char *fmt, ...)
{
	size_t len = strlen(f->evidence);
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(f->evidence + len, sizeof(f->evidence) - len, fmt, ap);
	va_end(ap);
}

static void fault(struct finding *f, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(f->remedy, sizeof(f->remedy), fmt, ap);
	va_end(ap);
}

/* ---- of a segment ------------------------------------------------------------------------ */

static void check_links(struct wire *w, const struct wire_segment_state *g, struct finding *f)
{
	for (int side = 0; side < 2; side++) {
		const struct port *p = &g->port[side];

		say(f, "%s%s is %s", side ? ", " : "", p->name,
		    p->taken_down ? "taken down by link_down_sync"
		    : p->up       ? "up"
		                  : "down");
		if (!p->up && !p->taken_down)
			fault(f, "connect port %s, or see what is at its other end", p->name);
	}
}

static void check_mtu(struct wire *w, const struct wire_segment_state *g, struct finding *f)
{
	say(f, "%s has %u, %s has %u", g->port[0].name, g->port[0].mtu, g->port[1].name,
	    g->port[1].mtu);
	if (g->port[0].mtu != g->port[1].mtu)
		fault(f, "give both ports the same MTU");
}

static void check_offloads(struct wire *w, const struct wire_segment_state *g, struct finding *f)
{
	for (int side = 0; side < 2; side++) {
		const struct port *p = &g->port[side];
		struct port_offloads o;

		if (port_read_offloads(p, &o)) {
			say(f, "%s%s does not say", side ? ", " : "", p->name);
			continue;
		}
		say(f, "%s%s has GRO %s, LRO %s", side ? ", " : "", p->name, o.gro ? "on" : "off",
		    o.lro ? "on" : "off");
		if (o.lro)
			fault(f,
			      "in namespace sluice-%s: ethtool -K %s lro off (it joins frames for "
			      "good)",
			      w->proc->instance, p->name);
		else if (!o.gro)
			fault(f,
			      "in namespace sluice-%s: ethtool -K %s gro on (without it everything "
			      "is slower)",
			      w->proc->instance, p->name);
	}
}

static void check_programs(struct wire *w, const struct wire_segment_state *g, struct finding *f)
{
	for (int side = 0; side < 2; side++) {
		const struct port *p = &g->port[side];
		bool there = program_is_attached(&w->program, PROGRAM_PORT, p->ifindex);

		say(f, "%s%s %s", side ? ", " : "", p->name, there ? "attached" : "missing");
		if (!there)
			fault(f, "something took the filter off %s: start tpsd again", p->name);
	}
}

static void check_management(struct wire *w, const struct wire_segment_state *g, struct finding *f)
{
	for (int side = 0; side < 2; side++) {
		if (!g->port[side].had_address)
			continue;
		say(f, "%s had an address of this host when it was taken", g->port[side].name);
		fault(f, "take %s out of the host's network configuration, or name another port",
		      g->port[side].name);
		return;
	}
	say(f, "neither port had an address of this host");
}

static void check_traffic(struct wire *w, const struct wire_segment_state *g, struct finding *f)
{
	for (int side = 0; side < 2; side++) {
		const struct port *p = &g->port[side];

		say(f, "%s%llu frames came in at %s", side ? ", " : "",
		    (unsigned long long)p->received, p->name);
		if (!p->received)
			fault(f, "look at the cable and the switch port of %s", p->name);
	}
}

/* ---- of the box -------------------------------------------------------------------------- */

static void check_kernel(struct wire *w, struct finding *f)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;
	struct utsname name = {0};
	bool repair = fd >= 0 && setsockopt(fd, IPPROTO_TCP, TCP_REPAIR, &on, sizeof(on)) == 0;

	if (fd >= 0)
		(void)close(fd);
	(void)uname(&name);
	say(f, "Linux %.60s: eBPF programs loaded, TCP_REPAIR %s", name.release,
	    repair ? "works" : "is refused");
	if (!repair)
		fault(f, "a kernel with CONFIG_CHECKPOINT_RESTORE; without it no connection is "
		         "taken over");
}

/* The first SYNs tell where the clients of the protected servers are. */
static void check_sides(struct wire *w, struct finding *f)
{
	unsigned long long right = table_count(&w->program, WIRE_COUNT_EMBRYOS),
	                   wrong = table_count(&w->program, WIRE_COUNT_SYN_WRONG_SIDE);

	say(f,
	    "%llu connections to protected servers began on the side of clients, %llu on the "
	    "other",
	    right, wrong);
	if (wrong > right)
		fault(f,
		      "swap the cables, or port_a and port_b, or the virtual segments' direction");
}

static void check_uninspected(struct wire *w, struct finding *f)
{
	unsigned long long sum = 0, all = table_count(&w->program, WIRE_COUNT_FORWARDED_PACKETS) +
	                                  table_count(&w->program, WIRE_COUNT_DIVERTED_PACKETS);

	for (int i = WIRE_COUNT_UNINSPECTED_NON_IP; i <= WIRE_COUNT_UNINSPECTED_MALFORMED; i++)
		sum += table_count(&w->program, (enum wire_count)i);
	say(f, "%llu of %llu packets (%.1f %%) are of a kind that is not inspected", sum, all,
	    all ? 100.0 * (double)sum / (double)all : 0.0);
	for (int i = WIRE_COUNT_UNINSPECTED_NON_IP; i <= WIRE_COUNT_UNINSPECTED_MALFORMED; i++) {
		unsigned long long n = table_count(&w->program, (enum wire_count)i);

		if (n)
			say(f, ", %s %llu",
			    table_count_name((enum wire_count)i) + strlen("uninspected_"), n);
	}
}

/* ---- the tables -------------------------------------------------------------------------- */

static const struct {
	const char *name;
	void (*run)(struct wire *w, const struct wire_segment_state *g, struct finding *f);
} of_segment[] = {
        {"links", check_links},
        {"MTU", check_mtu},
        {"offloads", check_offloads},
        {"eBPF programs", check_programs},
        {"no management port", check_management},
        {"traffic both ways", check_traffic},
};

static const struct {
	const char *name;
	void (*run)(struct wire *w, struct finding *f);
} of_box[] = {
        {"kernel", check_kernel},
        {"ports not swapped", check_sides},
        {"uninspected share", check_uninspected},
};

static void add(json_t *list, const char *segment, const char *check, const struct finding *f)
{
	json_t *one = json_pack("{s:s,s:s,s:s,s:s}", "check", check, "result",
	                        *f->remedy ? "fail" : "pass", "evidence", f->evidence, "remedy",
	                        f->remedy);

	if (segment)
		(void)json_object_set_new(one, "segment", json_string(segment));
	(void)json_array_append_new(list, one);
}

json_t *segment_check(struct wire *w, const char *only)
{
	json_t *list = json_array();

	for (unsigned i = 0; i < WIRE_SEGMENTS_MAX; i++) {
		struct wire_segment_state *g = &w->segments[i];

		if (!g->open || (only && strcmp(only, g->name) != 0))
			continue;
		for (int side = 0; side < 2; side++)
			if (port_refresh(&w->ports, &g->port[side]))
				g->port[side].up = false;
		for (size_t k = 0; k < SL_ARRAY_LEN(of_segment); k++) {
			struct finding f = {0};

			of_segment[k].run(w, g, &f);
			add(list, g->name, of_segment[k].name, &f);
		}
	}
	for (size_t k = 0; k < SL_ARRAY_LEN(of_box) && (!only || json_array_size(list)); k++) {
		struct finding f = {0};

		of_box[k].run(w, &f);
		add(list, NULL, of_box[k].name, &f);
	}
	return list;
}
