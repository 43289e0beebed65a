/* SPDX-License-Identifier: Apache-2.0 */
/* Which rule, virtual segment or policy a packet meets. Asked once a flow, not once a packet. */
#include "lib/conf/config.h"

bool config_prefixes_match(const struct config_prefixes *list, const struct addr *a)
{
	for (size_t i = 0; i < list->count; i++)
		if (addr_prefix_contains(&list->items[i], a))
			return true;
	return list->count == 0;
}

bool config_ports_match(const struct config_ports *list, uint16_t port)
{
	for (size_t i = 0; i < list->count; i++)
		if (port >= list->items[i].first && port <= list->items[i].last)
			return true;
	return list->count == 0;
}

bool config_vlans_match(const struct config_vlans *list, uint16_t vlan)
{
	for (size_t i = 0; i < list->count; i++)
		if (vlan >= list->items[i].first && vlan <= list->items[i].last)
			return true;
	return list->count == 0;
}

static bool direction_matches(enum config_direction want, enum config_direction is)
{
	return want == CONFIG_DIRECTION_BOTH || want == is;
}

static bool virtual_segment_matches(const struct config_virtual_segment *v,
                                    const struct config_packet *p)
{
	return v->segment == p->segment && direction_matches(v->direction, p->direction) &&
	       config_vlans_match(&v->vlans, p->vlan) &&
	       config_prefixes_match(&v->sources, &p->source) &&
	       config_prefixes_match(&v->destinations, &p->destination);
}

const struct config_virtual_segment *config_match_virtual_segment(const struct config *c,
                                                                  const struct config_packet *p)
{
	for (size_t i = 0; i < c->virtual_segments_count; i++)
		if (virtual_segment_matches(&c->virtual_segments[i], p))
			return &c->virtual_segments[i];
	return NULL;
}

static bool rule_has_segment(const struct config_bypass_rule *r, const struct config_segment *s)
{
	for (size_t i = 0; i < r->segments_count; i++)
		if (r->segments[i] == s)
			return true;
	return r->segments_count == 0;
}

static bool bypass_rule_matches(const struct config_bypass_rule *r, const struct config_packet *p)
{
	return rule_has_segment(r, p->segment) &&
	       (r->tunnel == CONFIG_TUNNEL_ANY || r->tunnel == p->tunnel) &&
	       (r->protocol == CONFIG_PROTOCOL_ANY || r->protocol == p->protocol) &&
	       config_vlans_match(&r->vlans, p->vlan) &&
	       config_ports_match(&r->source_ports, p->source_port) &&
	       config_ports_match(&r->destination_ports, p->destination_port) &&
	       config_prefixes_match(&r->sources, &p->source) &&
	       config_prefixes_match(&r->destinations, &p->destination);
}

const struct config_bypass_rule *config_match_bypass_rule(const struct config *c,
                                                          const struct config_packet *p)
{
	for (size_t i = 0; i < c->bypass_rules_count; i++)
		if (bypass_rule_matches(&c->bypass_rules[i], p))
			return &c->bypass_rules[i];
	return NULL;
}

/* How closely a proxy names a tuple; -1: not at all. Longest prefix before narrowest ports. */
static int closeness(const struct config_server_proxy *proxy, const struct config_packet *p)
{
	int prefix = -1;
	unsigned width = UINT16_MAX + 1U;

	for (size_t i = 0; i < proxy->destinations.count; i++) {
		const struct addr_prefix *d = &proxy->destinations.items[i];

		if (d->prefix_len > prefix && addr_prefix_contains(d, &p->destination))
			prefix = d->prefix_len;
	}
	for (size_t i = 0; i < proxy->common.detection_ports.count; i++) {
		const struct config_port_range *r = &proxy->common.detection_ports.items[i];
		unsigned span = (unsigned)(r->last - r->first);

		if (p->destination_port >= r->first && p->destination_port <= r->last)
			width = SL_MIN(width, span);
	}
	if (prefix < 0 || width > UINT16_MAX)
		return -1;
	return prefix << 16 | (int)(UINT16_MAX - width);
}

const struct config_server_policy *config_match_server_policy(const struct config_profile *profile,
                                                              const struct config_packet *p)
{
	const struct config_server_policy *best = NULL;
	int best_close = -1;

	for (size_t i = 0; i < profile->server_policies_count; i++) {
		const struct config_server_policy *policy = &profile->server_policies[i];
		int close =
		        policy->common.state == CONFIG_STATE_OFF ? -1 : closeness(policy->proxy, p);

		if (close > best_close) {
			best_close = close;
			best = policy;
		}
	}
	return best;
}

const struct config_client_policy *config_match_client_policy(const struct config_profile *profile,
                                                              const struct config_packet *p)
{
	for (size_t i = 0; i < profile->client_policies_count; i++) {
		const struct config_client_policy *policy = &profile->client_policies[i];

		if (policy->common.state != CONFIG_STATE_OFF &&
		    config_ports_match(&policy->proxy->common.detection_ports, p->destination_port))
			return policy;
	}
	return NULL;
}

void config_match(const struct config *c, const struct config_packet *p, struct config_match *ret)
{
	const struct config_profile *profile;

	*ret = (struct config_match){.segment = config_match_virtual_segment(c, p)};
	profile = ret->segment ? ret->segment->profile : NULL;
	if (!profile)
		return;
	if (c->ssl_inspection.server)
		ret->server = config_match_server_policy(profile, p);
	if (!ret->server && c->ssl_inspection.client)
		ret->client = config_match_client_policy(profile, p);
	if (ret->server) {
		ret->policy = &ret->server->common;
		ret->proxy = &ret->server->proxy->common;
	} else if (ret->client) {
		ret->policy = &ret->client->common;
		ret->proxy = &ret->client->proxy->common;
	}
}

bool config_source_excepted(const struct config_server_policy *policy,
                            const struct config_packet *p)
{
	return policy->source_exceptions.count > 0 &&
	       config_prefixes_match(&policy->source_exceptions, &p->source);
}
