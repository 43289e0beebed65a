/* SPDX-License-Identifier: Apache-2.0 */
#include "tpsd/policy/policy.h"

/* The request as a packet; the answer is the same one turned round. */
static struct config_packet packet_of(const struct config *config, const struct ipc_hello *flow)
{
	return (struct config_packet){
	        .segment = &config->segments[flow->segment],
	        .direction =
	                flow->client_side == 0 ? CONFIG_DIRECTION_A_TO_B : CONFIG_DIRECTION_B_TO_A,
	        .vlan = flow->vlan,
	        .tunnel = (enum config_tunnel)(CONFIG_TUNNEL_NONE + flow->tunnel),
	        .protocol = CONFIG_PROTOCOL_TCP,
	        .source = flow->client,
	        .destination = flow->server,
	        .source_port = flow->client_port,
	        .destination_port = flow->server_port,
	};
}

static struct config_packet turned(const struct config_packet *p)
{
	struct config_packet t = *p;

	t.direction = p->direction == CONFIG_DIRECTION_A_TO_B ? CONFIG_DIRECTION_B_TO_A
	                                                      : CONFIG_DIRECTION_A_TO_B;
	t.source = p->destination;
	t.source_port = p->destination_port;
	t.destination = p->source;
	t.destination_port = p->source_port;
	return t;
}

/* R116: never before always; R128. */
static enum policy_source source_of(const struct config_match *m, const struct config_packet *p)
{
	const struct config_client_policy *c = m->client;

	if (m->server)
		return config_source_excepted(m->server, p) ? POLICY_SOURCE_EXCEPTED
		                                            : POLICY_SOURCE_ANY;
	if (c->never_decrypt_sources.count > 0 &&
	    config_prefixes_match(&c->never_decrypt_sources, &p->source))
		return POLICY_SOURCE_EXCEPTED;
	if (c->always_decrypt_sources.count > 0 &&
	    config_prefixes_match(&c->always_decrypt_sources, &p->source))
		return POLICY_SOURCE_ALWAYS;
	return POLICY_SOURCE_ANY;
}

void policy_match(const struct config *config, const struct ipc_hello *flow,
                  struct policy_match *ret)
{
	struct config_packet packet, answer;

	*ret = (struct policy_match){.response = NULL};
	if (!config || flow->segment >= config->segments_count)
		return;
	packet = packet_of(config, flow);
	config_match(config, &packet, &ret->request);
	if (!ret->request.policy)
		return;
	answer = turned(&packet);
	ret->response = config_match_virtual_segment(config, &answer);
	ret->source = source_of(&ret->request, &packet);
}
