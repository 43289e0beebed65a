/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Segments: their ports, what the maps say of them, link-down synchronisation; and the part of a
 * configuration transaction that is about the wire. `tpsd: wire`.
 */
#include <bpf/bpf.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/err.h"
#include "lib/base/log.h"
#include "tpsd/flow/table.h"
#include "tpsd/flow/wire.h"

static const struct port *port_known(const struct wire *w, const char *name)
{
	for (unsigned i = 0; i < WIRE_SEGMENTS_MAX; i++)
		for (int side = 0; w->segments[i].open && side < 2; side++)
			if (!strcmp(w->segments[i].port[side].name, name))
				return &w->segments[i].port[side];
	return NULL;
}

static int refuse(struct wire *w, int status, const struct config_segment *s, const char *text,
                  const char *remedy)
{
	char path[96];

	(void)snprintf(path, sizeof(path), "/segments/%u", s->index);
	proc_refuse_item(w->proc, status, path, text, remedy);
	return status;
}

static int prepare_port(struct wire *w, const struct config_segment *s, const char *name,
                        struct port *port)
{
	const struct port *have = port_known(w, name);
	char text[160];
	int error;

	if (have)
		*port = *have;
	else
		(void)snprintf(port->name, sizeof(port->name), "%s", name);
	error = port_open(&w->ports, port);
	if (!error)
		return 0;
	if (error == SL_ECONFLICT) {
		(void)snprintf(text, sizeof(text), "port %s has this host's default route", name);
		return refuse(
		        w, error, s, text,
		        "the port by which the device is managed is no port of a segment: name "
		        "another (R158)");
	}
	(void)snprintf(text, sizeof(text), "port %s: %s", name,
	               error == SL_ENOENT ? "there is no such interface" : strerror(errno));
	return refuse(w, error, s, text,
	              "name an interface of this host that nothing else uses (ip link)");
}

static int prepare_one(struct wire *w, const struct config_segment *s)
{
	struct wire_segment_state *state = &w->pending_segments[s->index];
	char text[160];
	int error;

	memset(state, 0, sizeof(*state));
	(void)snprintf(state->name, sizeof(state->name), "%s", s->name);
	error = prepare_port(w, s, s->port_a, &state->port[WIRE_SIDE_A]);
	if (!error)
		error = prepare_port(w, s, s->port_b, &state->port[WIRE_SIDE_B]);
	if (error)
		return error;
	if (state->port[0].mtu != state->port[1].mtu) {
		(void)snprintf(text, sizeof(text), "ports of unequal MTU: %s has %u, %s has %u",
		               s->port_a, state->port[0].mtu, s->port_b, state->port[1].mtu);
		return refuse(w, SL_EMISMATCH, s, text, "give both ports the same MTU (R158)");
	}
	state->open = true;
	return 0;
}

int segment_prepare(struct wire *w)
{
	const struct config *c = w->pending;
	int error = 0, first = 0;

	memset(w->pending_segments, 0, sizeof(w->pending_segments));
	for (size_t i = 0; i < c->segments_count && i < WIRE_SEGMENTS_MAX; i++) {
		error = prepare_one(w, &c->segments[i]);
		if (error && !first)
			first = error;
	}
	if (first)
		return first;
	error = compile_config(c, &w->compiled);
	if (error) {
		proc_refuse_item(w->proc, error, "/virtual_segments",
		                 "more prefixes, bypass rules or rules of quic: drop than the "
		                 "wire's tables hold",
		                 "use fewer, wider prefixes and ranges");
		return error;
	}
	error = compile_write(&w->compiled, &w->program, !w->global.bank);
	if (error)
		proc_refuse_item(w->proc, error, "", "the wire's tables cannot be written",
		                 "see the system log");
	return error;
}

static int write_port(struct wire *w, const struct wire_segment_state *s, unsigned index, int side)
{
	struct wire_port value = {.segment = (uint16_t)index, .side = (uint8_t)side};
	const struct port *p = &s->port[side];

	if (bpf_map_update_elem(w->program.map.ports, &p->ifindex, &value, BPF_ANY))
		return SL_ESYS;
	return program_attach(&w->program, PROGRAM_PORT, p->ifindex);
}

static int write_segment(struct wire *w, const struct wire_segment_state *s, uint32_t index,
                         const struct config_segment *config, bool is_new)
{
	struct wire_segment value = {0};

	(void)bpf_map_lookup_elem(w->program.map.segments, &index, &value);
	value.grace_ns = config->midstream_grace_ms * CLOCK_NS_PER_MS;
	if (is_new)
		value.grace_until_ns = clock_now_ns() + value.grace_ns;
	value.ifindex[0] = s->port[0].ifindex;
	value.ifindex[1] = s->port[1].ifindex;
	value.flags = compile_segment_flags(config);
	if (w->compiled.quic.counts[index])
		value.flags |= WIRE_SEG_QUIC;
	value.mtu = s->port[0].mtu;
	if (bpf_map_update_elem(w->program.map.segments, &index, &value, BPF_ANY))
		return SL_ESYS;
	if (write_port(w, s, index, WIRE_SIDE_A) || write_port(w, s, index, WIRE_SIDE_B))
		return SL_ESYS;
	return 0;
}

/* What is known of a segment that stays: how long a link has been down. */
static void keep_state(struct wire_segment_state *now, const struct wire_segment_state *was)
{
	for (int side = 0; side < 2; side++) {
		if (was->open && now->port[side].ifindex == was->port[side].ifindex)
			now->down_since_ns[side] = was->down_since_ns[side];
	}
}

/* A segment that is no more: its ports drop from now on. */
static void remove_segment(struct wire *w, uint32_t index)
{
	struct wire_segment none = {0};

	for (int side = 0; side < 2; side++)
		(void)bpf_map_delete_elem(w->program.map.ports,
		                          &w->segments[index].port[side].ifindex);
	(void)bpf_map_update_elem(w->program.map.segments, &index, &none, BPF_ANY);
}

int segment_write_global(struct wire *w)
{
	uint32_t zero = 0;

	return bpf_map_update_elem(w->program.map.global, &zero, &w->global, BPF_ANY) ? SL_ESYS : 0;
}

static uint32_t smallest_mtu(const struct wire *w)
{
	uint32_t mtu = 0;

	for (unsigned i = 0; i < WIRE_SEGMENTS_MAX; i++)
		if (w->segments[i].open && (!mtu || w->segments[i].port[0].mtu < mtu))
			mtu = w->segments[i].port[0].mtu;
	return mtu;
}

static int commit_segments(struct wire *w)
{
	const struct config *c = w->pending;
	int error = 0;

	for (uint32_t i = 0; i < WIRE_SEGMENTS_MAX; i++) {
		bool was = w->segments[i].open, is = w->pending_segments[i].open;

		if (was && (!is || w->segments[i].port[0].ifindex !=
		                           w->pending_segments[i].port[0].ifindex))
			remove_segment(w, i);
		keep_state(&w->pending_segments[i], &w->segments[i]);
		w->segments[i] = w->pending_segments[i];
		if (is && write_segment(w, &w->segments[i], i, &c->segments[i], !was))
			error = SL_ESYS;
	}
	return error;
}

/* Once a revision: what is dropped is a counter only (npFlowStats.quic). */
static void say_quic(const struct config *c)
{
	for (size_t i = 0; c->ssl_inspection.client && i < c->profiles_count; i++)
		for (size_t k = 0; k < c->profiles[i].client_policies_count; k++)
			if (compile_quic_is_dropped(&c->profiles[i].client_policies[k]))
				log_info("policy %s: UDP to its detection ports is dropped, so "
				         "that browsers use TCP (quic: drop)",
				         c->profiles[i].client_policies[k].common.name);
}

int segment_commit(struct wire *w)
{
	uint32_t mtu;
	int error = commit_segments(w);

	mtu = smallest_mtu(w);
	if (!error && mtu)
		error = ports_set_mtu(&w->ports, mtu);
	w->global.bank = !w->global.bank;
	w->global.bypass_count = w->compiled.bypass_count;
	w->global.watching = 1;
	w->global.revision = (uint32_t)w->pending->revision;
	if (!error)
		error = segment_write_global(w);
	if (error)
		log_critical("the wire cannot be set up: %s", strerror(errno));
	say_quic(w->pending);
	if (ports_set_socket_buffer(w->pending->limits.socket_buffer))
		log_warning("the bound of socket buffers cannot be set: %s", strerror(errno));
	compile_free(&w->compiled);
	return error;
}

/* Whether `side` is to be down because the other one is. */
static bool wants_down(const struct wire_segment_state *s, const struct config_segment *c, int side,
                       uint64_t now)
{
	uint64_t since = s->down_since_ns[!side];

	if (!since || c->link_down_sync == CONFIG_LINK_OFF)
		return false;
	if (c->link_down_sync == CONFIG_LINK_HARD)
		return true;
	return now - since >= c->link_down_wait_ms * CLOCK_NS_PER_MS;
}

static void synchronise(struct wire *w, struct wire_segment_state *s,
                        const struct config_segment *c)
{
	uint64_t now = clock_now_ns();

	for (int side = 0; side < 2; side++) {
		struct port *p = &s->port[side];

		if (port_refresh(&w->ports, p))
			p->up = false;
		/* A port that we took down says nothing about its own cable. */
		if (p->up || p->taken_down)
			s->down_since_ns[side] = 0;
		else if (!s->down_since_ns[side])
			s->down_since_ns[side] = now;
	}
	for (int side = 0; side < 2; side++) {
		struct port *p = &s->port[side];
		bool down = wants_down(s, c, side, now);

		if (down == p->taken_down)
			continue;
		if (!port_set_up(&w->ports, p, !down))
			log_warning("segment %s: port %s taken %s because port %s is %s", s->name,
			            p->name, down ? "down" : "up", s->port[!side].name,
			            down ? "down" : "up");
	}
}

void segment_tick(struct wire *w)
{
	const struct config *c = w->config;

	for (size_t i = 0; c && i < c->segments_count && i < WIRE_SEGMENTS_MAX; i++)
		if (w->segments[i].open)
			synchronise(w, &w->segments[i], &c->segments[i]);
}
