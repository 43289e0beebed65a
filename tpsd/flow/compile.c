/* SPDX-License-Identifier: Apache-2.0 */
/* Configuration to maps; see compile.h. `tpsd: wire`. */
#include "tpsd/flow/compile.h"

#include <bpf/bpf.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/addr.h"
#include "lib/base/err.h"
#include "lib/conf/config.h"

enum { KEY_FIXED_BITS = 32, VLAN_LAST = 4095, V4_PREFIX_LEN = 96 };
#define ENTRIES_MAX ((size_t)WIRE_INTERESTS_MAX / 2)

/* Joins the two ranges between which the gap is smallest; the list is sorted. */
static void join_closest(struct wire_range *list, uint32_t *count)
{
	uint32_t best = 0, gap = UINT32_MAX;

	for (uint32_t i = 0; i + 1 < *count; i++) {
		uint32_t g = (uint32_t)list[i + 1].first - list[i].last;

		if (g < gap) {
			gap = g;
			best = i;
		}
	}
	list[best].last = list[best + 1].last;
	memmove(&list[best + 1], &list[best + 2], (*count - best - 2) * sizeof(*list));
	(*count)--;
}

void compile_add_range(struct wire_range *list, uint32_t *count, struct wire_range range)
{
	struct wire_range sorted[WIRE_RANGES_MAX + 1];
	uint32_t n = 0;
	bool placed = false;

	for (uint32_t i = 0; i < *count; i++) {
		if (list[i].first <= range.last && range.first <= list[i].last) {
			range.first = SL_MIN(range.first, list[i].first);
			range.last = SL_MAX(range.last, list[i].last);
			continue;
		}
		if (!placed && list[i].first > range.last) {
			sorted[n++] = range;
			placed = true;
		}
		sorted[n++] = list[i];
	}
	if (!placed)
		sorted[n++] = range;
	if (n > WIRE_RANGES_MAX)
		join_closest(sorted, &n);
	memcpy(list, sorted, n * sizeof(*list));
	*count = n;
}

static void merge_interest(struct wire_interest *into, const struct wire_interest *more)
{
	for (uint32_t i = 0; i < more->port_count; i++)
		compile_add_range(into->ports, &into->port_count, more->ports[i]);
	if (into->vlan_count == 0 || more->vlan_count == 0)
		into->vlan_count = 0;
	else
		for (uint32_t i = 0; i < more->vlan_count; i++)
			compile_add_range(into->vlans, &into->vlan_count, more->vlans[i]);
	into->flags |= more->flags;
	if (more->silence_ms && (!into->silence_ms || more->silence_ms < into->silence_ms))
		into->silence_ms = more->silence_ms;
}

static bool same_key(const struct wire_interest_key *a, const struct wire_interest_key *b)
{
	return !memcmp(a, b, sizeof(*a));
}

static int add_entry(struct compiled *c, const struct compile_entry *e)
{
	for (size_t i = 0; i < c->interests_count; i++) {
		if (!same_key(&c->interests[i].key, &e->key))
			continue;
		merge_interest(&c->interests[i].value, &e->value);
		return 0;
	}
	if (c->interests_count >= ENTRIES_MAX)
		return SL_ELIMIT;
	if (c->interests_count == c->interests_size) {
		size_t size = c->interests_size ? 2 * c->interests_size : 64;
		void *more = realloc(c->interests, size * sizeof(*c->interests));

		if (!more)
			return SL_ENOMEM;
		c->interests = more;
		c->interests_size = size;
	}
	c->interests[c->interests_count++] = *e;
	return 0;
}

static void fill_ranges(struct wire_interest *in, const struct config_virtual_segment *vs,
                        const struct config_proxy *proxy)
{
	for (size_t i = 0; i < proxy->detection_ports.count; i++) {
		const struct config_port_range *r = &proxy->detection_ports.items[i];

		compile_add_range(in->ports, &in->port_count,
		                  (struct wire_range){r->first, r->last});
	}
	for (size_t i = 0; i < vs->vlans.count; i++) {
		const struct config_vlan_range *r = &vs->vlans.items[i];

		compile_add_range(in->vlans, &in->vlan_count,
		                  (struct wire_range){r->first, r->last});
	}
	in->silence_ms = proxy->no_handshake_timeout_ms;
	if (proxy->on_failure[FAILURE_TCP_AUTH] == CONFIG_BLOCK)
		in->flags |= WIRE_INTEREST_AUTH_BLOCK;
}

/* One policy of one virtual segment, its clients on `side`. */
static int add_policy(struct compiled *c, const struct config_virtual_segment *vs,
                      const struct config_proxy *proxy, const struct config_prefixes *destinations,
                      int side)
{
	struct compile_entry e = {
	        .key = {.side = (uint8_t)side, .segment = (uint16_t)vs->segment->index}};

	fill_ranges(&e.value, vs, proxy);
	for (size_t i = 0; i < destinations->count; i++) {
		const struct addr_prefix *p = &destinations->items[i];
		int error;

		e.key.prefix_len = KEY_FIXED_BITS + p->prefix_len;
		memcpy(e.key.addr, p->addr.bytes, sizeof(e.key.addr));
		error = add_entry(c, &e);
		if (error)
			return error;
	}
	return 0;
}

static int add_both_sides(struct compiled *c, const struct config_virtual_segment *vs,
                          const struct config_policy *policy, const struct config_proxy *proxy,
                          const struct config_prefixes *destinations)
{
	int error = 0;

	if (policy->state == CONFIG_STATE_OFF)
		return 0;
	if (vs->direction != CONFIG_DIRECTION_B_TO_A)
		error = add_policy(c, vs, proxy, destinations, WIRE_SIDE_A);
	if (!error && vs->direction != CONFIG_DIRECTION_A_TO_B)
		error = add_policy(c, vs, proxy, destinations, WIRE_SIDE_B);
	return error;
}

static int add_server_policies(struct compiled *c, const struct config_virtual_segment *vs)
{
	const struct config_profile *profile = vs->profile;
	int error = 0;

	for (size_t i = 0; !error && i < profile->server_policies_count; i++) {
		const struct config_server_policy *p = &profile->server_policies[i];

		error = add_both_sides(c, vs, &p->common, &p->proxy->common,
		                       &p->proxy->destinations);
	}
	return error;
}

/* Clients go anywhere: any IPv4 address, as 16 bytes. */
static int add_client_policies(struct compiled *c, const struct config_virtual_segment *vs)
{
	const struct config_profile *profile = vs->profile;
	const struct addr_prefix anywhere = {.addr = addr_from_v4(0), .prefix_len = V4_PREFIX_LEN};
	const struct config_prefixes destinations = {&anywhere, 1};
	int error = 0;

	for (size_t i = 0; !error && i < profile->client_policies_count; i++) {
		const struct config_client_policy *p = &profile->client_policies[i];

		error = add_both_sides(c, vs, &p->common, &p->proxy->common, &destinations);
	}
	return error;
}

static int add_virtual_segment(struct compiled *c, const struct config *config,
                               const struct config_virtual_segment *vs)
{
	int error = 0;

	if (vs->profile && config->ssl_inspection.server)
		error = add_server_policies(c, vs);
	if (!error && vs->profile && config->ssl_inspection.client)
		error = add_client_policies(c, vs);
	return error;
}

static bool prefix_covers(const struct wire_interest_key *wide,
                          const struct wire_interest_key *narrow)
{
	uint32_t bits = wide->prefix_len - KEY_FIXED_BITS;
	const uint8_t *a = (const void *)wide->addr, *b = (const void *)narrow->addr;
	uint8_t mask = (uint8_t)(0xff << (8 - bits % 8));

	if (wide->segment != narrow->segment || wide->side != narrow->side ||
	    wide->prefix_len >= narrow->prefix_len || memcmp(a, b, bits / 8) != 0)
		return false;
	return bits % 8 == 0 || ((a[bits / 8] ^ b[bits / 8]) & mask) == 0;
}

/* A look-up finds the longest prefix only, so each takes in those that contain it. */
static void lay_over(struct compiled *c)
{
	struct compile_entry *e = c->interests;

	for (size_t n = 0; n < c->interests_count; n++)
		for (size_t w = 0; w < c->interests_count; w++)
			if (prefix_covers(&e[w].key, &e[n].key))
				merge_interest(&e[n].value, &e[w].value);
}

static void bypass_prefix(const struct config_prefixes *list, size_t i, uint32_t addr[4],
                          uint32_t mask[4])
{
	memset(addr, 0, 16);
	memset(mask, 0, 16);
	if (list->count == 0)
		return;
	memcpy(addr, list->items[i].addr.bytes, 16);
	for (uint32_t bit = 0; bit < list->items[i].prefix_len; bit++)
		((uint8_t *)mask)[bit / 8] |= (uint8_t)(0x80 >> bit % 8);
}

static struct wire_range bypass_ports(const struct config_ports *list, size_t i)
{
	if (list->count == 0)
		return (struct wire_range){0, 65535};
	return (struct wire_range){list->items[i].first, list->items[i].last};
}

static uint8_t bypass_tunnels(enum config_tunnel tunnel)
{
	switch (tunnel) {
	case CONFIG_TUNNEL_NONE:
		return 1 << WIRE_TUNNEL_NONE;
	case CONFIG_TUNNEL_GRE:
		return 1 << WIRE_TUNNEL_GRE;
	case CONFIG_TUNNEL_GRE_KEY:
		return 1 << WIRE_TUNNEL_GRE_KEY;
	case CONFIG_TUNNEL_IPIP:
		return 1 << WIRE_TUNNEL_IPIP;
	default:
		return 0xff;
	}
}

/* The lists of a rule by one number, so that each combination is made once. */
static size_t pick(size_t *n, size_t count)
{
	size_t of = count ? count : 1, at = *n % of;

	*n /= of;
	return at;
}

static bool all_v4(const struct config_prefixes *list, size_t i)
{
	return list->count == 0 || list->items[i].addr.family == ADDR_V4;
}

static int add_bypass(struct compiled *c, const struct config_bypass_rule *r)
{
	size_t combinations = 1;
	struct wire_bypass b = {
	        .tunnel = bypass_tunnels(r->tunnel),
	        .proto = r->protocol == CONFIG_PROTOCOL_TCP   ? 6
	                 : r->protocol == CONFIG_PROTOCOL_UDP ? 17
	                                                      : 0,
	};

	for (size_t i = 0; i < r->segments_count; i++)
		b.segments |= 1ULL << (r->segments[i]->index % WIRE_SEGMENTS_MAX);
	if (r->segments_count == 0)
		b.segments = UINT64_MAX;
	const size_t counts[] = {r->sources.count, r->destinations.count, r->source_ports.count,
	                         r->destination_ports.count, r->vlans.count};
	for (size_t i = 0; i < SL_ARRAY_LEN(counts); i++)
		combinations *= SL_MAX(counts[i], (size_t)1);
	for (size_t n = 0; n < combinations; n++) {
		size_t left = n, src = pick(&left, r->sources.count);
		size_t dst = pick(&left, r->destinations.count);
		size_t sport = pick(&left, r->source_ports.count);
		size_t dport = pick(&left, r->destination_ports.count);
		size_t vlan = pick(&left, r->vlans.count);

		if (!all_v4(&r->sources, src) || !all_v4(&r->destinations, dst))
			continue;
		if (c->bypass_count == WIRE_BYPASS_MAX)
			return SL_ELIMIT;
		bypass_prefix(&r->sources, src, b.src, b.src_mask);
		bypass_prefix(&r->destinations, dst, b.dst, b.dst_mask);
		b.sport = bypass_ports(&r->source_ports, sport);
		b.dport = bypass_ports(&r->destination_ports, dport);
		b.vlan = (struct wire_range){0, VLAN_LAST};
		if (r->vlans.count)
			b.vlan = (struct wire_range){r->vlans.items[vlan].first,
			                             r->vlans.items[vlan].last};
		c->bypass[c->bypass_count++] = b;
	}
	return 0;
}

int compile_config(const struct config *config, struct compiled *ret_compiled)
{
	struct compiled *c = ret_compiled;
	int error = 0;

	memset(c, 0, sizeof(*c));
	for (size_t i = 0; !error && i < config->virtual_segments_count; i++)
		error = add_virtual_segment(c, config, &config->virtual_segments[i]);
	for (size_t i = 0; !error && i < config->bypass_rules_count; i++)
		error = add_bypass(c, &config->bypass_rules[i]);
	if (!error)
		error = compile_quic(&c->quic, config);
	if (error)
		compile_free(c);
	else
		lay_over(c);
	return error;
}

void compile_free(struct compiled *c)
{
	free(c->interests);
	compile_quic_free(&c->quic);
	memset(c, 0, sizeof(*c));
}

static void empty_bank(const struct program *p, uint32_t bank)
{
	struct wire_interest_key at, next;
	bool have = !bpf_map_get_next_key(p->map.interests, NULL, &at);

	while (have) {
		have = !bpf_map_get_next_key(p->map.interests, &at, &next);
		if (at.bank == bank)
			(void)bpf_map_delete_elem(p->map.interests, &at);
		at = next;
	}
}

int compile_write(const struct compiled *c, const struct program *p, uint32_t bank)
{
	empty_bank(p, bank);
	for (size_t i = 0; i < c->interests_count; i++) {
		struct wire_interest_key key = c->interests[i].key;

		key.bank = (uint8_t)bank;
		if (bpf_map_update_elem(p->map.interests, &key, &c->interests[i].value, BPF_ANY))
			return SL_ESYS;
	}
	for (uint32_t i = 0; i < c->bypass_count; i++) {
		uint32_t at = bank * WIRE_BYPASS_MAX + i;

		if (bpf_map_update_elem(p->map.bypass, &at, &c->bypass[i], BPF_ANY))
			return SL_ESYS;
	}
	return compile_quic_write(&c->quic, p, bank);
}

uint32_t compile_segment_flags(const struct config_segment *s)
{
	uint32_t flags = 0;

	if (s->uninspectable == CONFIG_DROP)
		flags |= WIRE_SEG_UNINSPECTABLE_DROP;
	if (s->on_failure == CONFIG_BLOCK)
		flags |= WIRE_SEG_FAILURE_BLOCK;
	if (s->on_overload == CONFIG_BLOCK)
		flags |= WIRE_SEG_OVERLOAD_BLOCK;
	if (s->midstream == CONFIG_DROP)
		flags |= WIRE_SEG_MIDSTREAM_DROP;
	if (s->asymmetric == CONFIG_DROP)
		flags |= WIRE_SEG_ASYMMETRIC_DROP;
	if (s->reclaim)
		flags |= WIRE_SEG_RECLAIM;
	return flags;
}
