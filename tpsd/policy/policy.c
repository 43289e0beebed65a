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

void policy_match(const struct config *config, const struct ipc_hello *flow,
                  struct policy_match *ret)
{
	struct config_packet packet, answer;

	*ret = (struct policy_match){.request = NULL};
	if (!config || !config->ssl_inspection.server || flow->segment >= config->segments_count)
		return;
	packet = packet_of(config, flow);
	ret->request = config_match_virtual_segment(config, &packet);
	if (!ret->request || !ret->request->profile)
		return;
	ret->policy = config_match_server_policy(ret->request->profile, &packet);
	if (!ret->policy)
		return;
	answer = turned(&packet);
	ret->response = config_match_virtual_segment(config, &answer);
	ret->excepted = config_source_excepted(ret->policy, &packet);
}
