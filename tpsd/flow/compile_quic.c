/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See compile_quic.h. A virtual segment becomes, in this order: for each client policy that drops,
 * rules that let by what a server policy or a list of sources takes out of it, and the rule that
 * drops; then one that lets by whatever else is the virtual segment's, if a later one drops.
 */
#include "tpsd/flow/compile_quic.h"

#include <bpf/bpf.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/err.h"
#include "lib/conf/config.h"

enum { KEY_FIXED_BITS = 32, V4_PREFIX_LEN = 96, PREFIX_DEPTH = 34 };
#define NETS_MAX ((size_t)WIRE_QUIC_NETS_MAX / 2)

static const struct config_port_range any_port = {0, UINT16_MAX};
static const struct config_ports any_ports = {&any_port, 1};
static const struct config_prefixes any_prefixes = {NULL, 0};

bool compile_quic_is_dropped(const struct config_client_policy *p)
{
	return p->common.state == CONFIG_STATE_ON && p->proxy->quic == CONFIG_DROP;
}

static bool profile_drops(const struct config_profile *profile)
{
	for (size_t i = 0; profile && i < profile->client_policies_count; i++)
		if (compile_quic_is_dropped(&profile->client_policies[i]))
			return true;
	return false;
}

/* ---- prefixes ---------------------------------------------------------------------------- */

static int add_net(struct compiled_quic *q, uint32_t segment, enum wire_quic_end end,
                   const struct addr_prefix *p, uint64_t rules)
{
	struct quic_net n = {.key = {.prefix_len = KEY_FIXED_BITS + p->prefix_len,
	                             .end = (uint8_t)end,
	                             .segment = (uint16_t)segment},
	                     .rules = rules};

	/* Only IPv4 is looked up, and ::/0 is no IPv4 (addr.h). */
	if (p->addr.family != ADDR_V4)
		return 0;
	if (q->nets_count == q->nets_size) {
		size_t size = q->nets_size ? 2 * q->nets_size : 64;
		void *more = realloc(q->nets, size * sizeof(*q->nets));

		if (!more)
			return SL_ENOMEM;
		q->nets = more;
		q->nets_size = size;
	}
	memcpy(n.key.addr, p->addr.bytes, sizeof(n.key.addr));
	q->nets[q->nets_count++] = n;
	return 0;
}

/* What two lists have in common; an empty one is every address. Of two prefixes that is one of
 * them, or nothing. */
static int add_nets(struct compiled_quic *q, uint32_t segment, enum wire_quic_end end,
                    const struct config_prefixes *a, const struct config_prefixes *b,
                    uint64_t rules)
{
	const struct addr_prefix any = {.addr = addr_from_v4(0), .prefix_len = V4_PREFIX_LEN};
	const struct config_prefixes all = {&any, 1};
	int error = 0;

	a = a->count ? a : &all;
	b = b->count ? b : &all;
	for (size_t i = 0; i < a->count; i++)
		for (size_t j = 0; !error && j < b->count; j++) {
			const struct addr_prefix *x = &a->items[i], *y = &b->items[j];
			const struct addr_prefix *wide = x->prefix_len < y->prefix_len ? x : y;
			const struct addr_prefix *narrow = wide == x ? y : x;

			if (addr_prefix_contains(wide, &narrow->addr))
				error = add_net(q, segment, end, narrow, rules);
			if (q->nets_count > 16 * NETS_MAX)
				error = SL_ELIMIT;
		}
	return error;
}

static int by_key(const void *a, const void *b)
{
	const struct wire_quic_net_key *x = &((const struct quic_net *)a)->key;
	const struct wire_quic_net_key *y = &((const struct quic_net *)b)->key;
	int order = memcmp(x->addr, y->addr, sizeof(x->addr));

	if (x->segment != y->segment)
		return x->segment < y->segment ? -1 : 1;
	if (x->end != y->end)
		return x->end < y->end ? -1 : 1;
	if (order)
		return order;
	return (x->prefix_len > y->prefix_len) - (x->prefix_len < y->prefix_len);
}

static bool net_covers(const struct wire_quic_net_key *wide, const struct wire_quic_net_key *narrow)
{
	struct addr_prefix p = {.addr = {.family = ADDR_V4},
	                        .prefix_len = (uint8_t)(wide->prefix_len - KEY_FIXED_BITS)};
	struct addr a = {.family = ADDR_V4};

	memcpy(p.addr.bytes, wide->addr, sizeof(p.addr.bytes));
	memcpy(a.bytes, narrow->addr, sizeof(a.bytes));
	return wide->segment == narrow->segment && wide->end == narrow->end &&
	       wide->prefix_len <= narrow->prefix_len && addr_prefix_contains(&p, &a);
}

/*
 * Each key once, and each prefix with the rules of those that contain it, since a look-up finds the
 * longest one only. Sorted, a prefix stands behind all that contain it.
 */
static void lay_over(struct compiled_quic *q)
{
	size_t around[PREFIX_DEPTH], depth = 0, n = 0;

	if (q->nets_count > 0)
		qsort(q->nets, q->nets_count, sizeof(*q->nets), by_key);
	for (size_t i = 0; i < q->nets_count; i++) {
		if (n > 0 && by_key(&q->nets[n - 1], &q->nets[i]) == 0) {
			q->nets[n - 1].rules |= q->nets[i].rules;
			continue;
		}
		q->nets[n] = q->nets[i];
		while (depth > 0 && !net_covers(&q->nets[around[depth - 1]].key, &q->nets[n].key))
			depth--;
		if (depth > 0)
			q->nets[n].rules |= q->nets[around[depth - 1]].rules;
		around[depth++] = n++;
	}
	q->nets_count = n;
}

/* ---- rules ------------------------------------------------------------------------------- */

static uint8_t sides_of(enum config_direction direction)
{
	return (uint8_t)((direction != CONFIG_DIRECTION_B_TO_A) << WIRE_SIDE_A |
	                 (direction != CONFIG_DIRECTION_A_TO_B) << WIRE_SIDE_B);
}

/* `count` ports from `port` on, `vlans` from `vlan` on: as many as one rule has room for. */
static struct wire_quic_rule rule_of(const struct config_virtual_segment *vs,
                                     const struct config_ports *ports, size_t port, size_t vlan)
{
	struct wire_quic_rule r = {.sides = sides_of(vs->direction)};

	for (; port < ports->count && r.port_count < WIRE_RANGES_MAX; port++)
		r.ports[r.port_count++] =
		        (struct wire_range){ports->items[port].first, ports->items[port].last};
	for (; vlan < vs->vlans.count && r.vlan_count < WIRE_RANGES_MAX; vlan++)
		r.vlans[r.vlan_count++] = (struct wire_range){vs->vlans.items[vlan].first,
		                                              vs->vlans.items[vlan].last};
	return r;
}

/* Rules for ports of a virtual segment, without addresses yet. *ret_rules: their bits. */
static int add_rules(struct compiled_quic *q, const struct config_virtual_segment *vs,
                     const struct config_ports *ports, bool drop, uint64_t *ret_rules)
{
	uint32_t segment = vs->segment->index;
	size_t vlan = 0;

	*ret_rules = 0;
	do {
		for (size_t port = 0; port < ports->count; port += WIRE_RANGES_MAX) {
			struct wire_quic_rule r = rule_of(vs, ports, port, vlan);
			uint8_t at = q->counts[segment];

			if (at == WIRE_QUIC_RULES)
				return SL_ELIMIT;
			r.drop = drop;
			q->rules[segment * WIRE_QUIC_RULES + at] = r;
			q->counts[segment]++;
			*ret_rules |= 1ULL << at;
		}
		vlan += WIRE_RANGES_MAX;
	} while (vlan < vs->vlans.count);
	return 0;
}

/* Rules with addresses: of the virtual segment, and of these. */
static int add_part(struct compiled_quic *q, const struct config_virtual_segment *vs,
                    const struct config_ports *ports, const struct config_prefixes *sources,
                    const struct config_prefixes *destinations, bool drop)
{
	uint32_t segment = vs->segment->index;
	uint64_t rules;
	int error = add_rules(q, vs, ports, drop, &rules);

	if (!error)
		error = add_nets(q, segment, WIRE_QUIC_SOURCE, &vs->sources, sources, rules);
	if (!error)
		error = add_nets(q, segment, WIRE_QUIC_DESTINATION, &vs->destinations, destinations,
		                 rules);
	return error;
}

static bool same_ports(const struct config_ports *a, const struct config_ports *b)
{
	return a->count == b->count && !memcmp(a->items, b->items, a->count * sizeof(*a->items));
}

static bool share_ports(const struct config_ports *a, const struct config_ports *b)
{
	for (size_t i = 0; i < a->count; i++)
		for (size_t j = 0; j < b->count; j++)
			if (a->items[i].first <= b->items[j].last &&
			    b->items[j].first <= a->items[i].last)
				return true;
	return false;
}

/* R32: what a server policy names is its own. Proxies of the same ports are one rule. */
static int add_servers(struct compiled_quic *q, const struct config_virtual_segment *vs,
                       const struct config_ports *client_ports)
{
	const struct config_server_policy *list = vs->profile->server_policies;
	size_t count = vs->profile->server_policies_count;
	int error = 0;

	for (size_t i = 0; !error && i < count; i++) {
		const struct config_ports *ports = &list[i].proxy->common.detection_ports;
		uint64_t rules;
		bool known = list[i].common.state == CONFIG_STATE_OFF ||
		             !share_ports(ports, client_ports);

		for (size_t j = 0; j < i && !known; j++)
			known = list[j].common.state != CONFIG_STATE_OFF &&
			        same_ports(&list[j].proxy->common.detection_ports, ports);
		if (known)
			continue;
		error = add_rules(q, vs, ports, false, &rules);
		if (!error)
			error = add_nets(q, vs->segment->index, WIRE_QUIC_SOURCE, &vs->sources,
			                 &any_prefixes, rules);
		for (size_t j = i; !error && j < count; j++)
			if (list[j].common.state != CONFIG_STATE_OFF &&
			    same_ports(&list[j].proxy->common.detection_ports, ports))
				error = add_nets(q, vs->segment->index, WIRE_QUIC_DESTINATION,
				                 &vs->destinations, &list[j].proxy->destinations,
				                 rules);
	}
	return error;
}

static int add_policy(struct compiled_quic *q, const struct config *config,
                      const struct config_virtual_segment *vs, const struct config_client_policy *p)
{
	const struct config_ports *ports = &p->proxy->common.detection_ports;
	int error = config->ssl_inspection.server ? add_servers(q, vs, ports) : 0;

	if (!error && p->never_decrypt_sources.count > 0)
		error = add_part(q, vs, ports, &p->never_decrypt_sources, &any_prefixes, false);
	if (!error)
		error = add_part(q, vs, ports, &any_prefixes, &any_prefixes, true);
	return error;
}

/* Whether a virtual segment behind number `i` drops on the same segment. */
static bool later_drops(const struct config *config, size_t i)
{
	const struct config_segment *segment = config->virtual_segments[i].segment;

	while (++i < config->virtual_segments_count)
		if (config->virtual_segments[i].segment == segment &&
		    profile_drops(config->virtual_segments[i].profile))
			return true;
	return false;
}

static int add_virtual_segment(struct compiled_quic *q, const struct config *config, size_t i)
{
	const struct config_virtual_segment *vs = &config->virtual_segments[i];
	const struct config_profile *profile = vs->profile;
	int error = 0;

	for (size_t k = 0; profile && !error && k < profile->client_policies_count; k++)
		if (compile_quic_is_dropped(&profile->client_policies[k]))
			error = add_policy(q, config, vs, &profile->client_policies[k]);
	if (!error && later_drops(config, i))
		error = add_part(q, vs, &any_ports, &any_prefixes, &any_prefixes, false);
	return error;
}

int compile_quic(struct compiled_quic *q, const struct config *config)
{
	int error = 0;

	if (!config->ssl_inspection.client)
		return 0;
	q->rules = calloc((size_t)WIRE_SEGMENTS_MAX * WIRE_QUIC_RULES, sizeof(*q->rules));
	if (!q->rules)
		return SL_ENOMEM;
	for (size_t i = 0; !error && i < config->virtual_segments_count; i++)
		error = add_virtual_segment(q, config, i);
	if (error)
		return error;
	lay_over(q);
	return q->nets_count > NETS_MAX ? SL_ELIMIT : 0;
}

void compile_quic_free(struct compiled_quic *q)
{
	free(q->rules);
	free(q->nets);
	memset(q, 0, sizeof(*q));
}

/* ---- maps -------------------------------------------------------------------------------- */

static void empty_nets(const struct program *p, uint32_t bank)
{
	struct wire_quic_net_key at, next;
	bool have = !bpf_map_get_next_key(p->map.quic_nets, NULL, &at);

	while (have) {
		have = !bpf_map_get_next_key(p->map.quic_nets, &at, &next);
		if (at.bank == bank)
			(void)bpf_map_delete_elem(p->map.quic_nets, &at);
		at = next;
	}
}

/* A list ends where a rule has no ports. */
static int write_rules(const struct compiled_quic *q, const struct program *p, uint32_t bank,
                       uint32_t segment)
{
	static const struct wire_quic_rule none;
	uint32_t at = (bank * WIRE_SEGMENTS_MAX + segment) * WIRE_QUIC_RULES, i;

	for (i = 0; i < q->counts[segment]; i++, at++)
		if (bpf_map_update_elem(p->map.quic_rules, &at,
		                        &q->rules[segment * WIRE_QUIC_RULES + i], BPF_ANY))
			return SL_ESYS;
	if (i < WIRE_QUIC_RULES && bpf_map_update_elem(p->map.quic_rules, &at, &none, BPF_ANY))
		return SL_ESYS;
	return 0;
}

int compile_quic_write(const struct compiled_quic *q, const struct program *p, uint32_t bank)
{
	empty_nets(p, bank);
	for (uint32_t s = 0; s < WIRE_SEGMENTS_MAX; s++)
		if (write_rules(q, p, bank, s))
			return SL_ESYS;
	for (size_t i = 0; i < q->nets_count; i++) {
		struct wire_quic_net_key key = q->nets[i].key;

		key.bank = (uint8_t)bank;
		if (bpf_map_update_elem(p->map.quic_nets, &key, &q->nets[i].rules, BPF_ANY))
			return SL_ESYS;
	}
	return 0;
}
