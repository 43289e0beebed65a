/* SPDX-License-Identifier: Apache-2.0 */
/* A held flow's first bytes are offered to a worker, and again when there are more. */
#include <arpa/inet.h>

#include "tpsd/flow/flow_priv.h"

/* The one with the fewest sessions and questions; -1: none is there. */
static int choose_worker(struct wire *w)
{
	unsigned n = w->workers_allowed ? w->workers_allowed : PROC_WORKERS_MAX;
	uint32_t best_load = UINT32_MAX;
	int best = -1;

	for (unsigned i = 0; i < n; i++) {
		const struct wire_worker *k = &w->workers[i];

		if (k->up && k->sessions + k->waiting < best_load) {
			best_load = k->sessions + k->waiting;
			best = (int)i;
		}
	}
	return best;
}

static uint8_t hello_flags(const struct flow *f, bool server_first, const struct hold_stream *s)
{
	return (uint8_t)((server_first ? IPC_HELLO_SERVER_FIRST : 0) |
	                 (s->fin || s->reset ? IPC_HELLO_FIN : 0) |
	                 (f->timed_out ? IPC_HELLO_TIMED_OUT : 0) |
	                 (f->silent ? IPC_HELLO_SILENT : 0));
}

void flow_offer(struct flow *f, bool server_first, const struct hold_stream *s)
{
	struct wire *w = f->wire;
	const struct wire_key *k = &f->key;
	int c = f->client, worker = f->has_worker ? (int)f->worker : choose_worker(w);
	struct ipc_message m = {
	        .type = IPC_HELLO,
	        .hello = {.flow = f->number,
	                  .segment = k->segment,
	                  .client_side = (uint8_t)c,
	                  .vlan = k->vlan,
	                  .tunnel = k->tunnel,
	                  .tunnel_key = k->tunnel_key,
	                  .client = flow_addr(k, c),
	                  .client_port = ntohs(k->port[c]),
	                  .server = flow_addr(k, !c),
	                  .server_port = ntohs(k->port[!c]),
	                  .flags = hello_flags(f, server_first, s),
	                  .bytes = {.data = w->bytes.data, .len = (uint32_t)w->bytes.len}}};
	struct ipc_channel *ch =
	        worker >= 0 ? proc_peer(w->proc, IPC_WORKER, (unsigned)worker) : NULL;

	if (!ch) {
		flow_not_inspected(f, flow_on_failure(f), REASON_FALLBACK);
		return;
	}
	f->worker = (unsigned)worker;
	f->has_worker = true;
	f->sent_len = w->bytes.len;
	if (ipc_send(ch, &m)) {
		flow_not_inspected(f, flow_on_overload(f), REASON_OVERLOAD);
		return;
	}
	flow_set_asked(f, true);
}

/* A RST of an end while its first bytes are held: the other end gets one that it accepts. */
static void end_by_reset(struct flow *f, int side)
{
	flow_tell_gone(f, REASON_GONE);
	report_flow(f->wire, &f->key, f->client, f->number, REASON_GONE, OUTCOME_FAILED);
	flow_block(f, REASON_GONE, side == f->client ? IPC_RESET_SERVER : IPC_RESET_CLIENT);
}

void flow_advance(struct flow *f)
{
	struct hold_stream client, server;
	struct wire *w = f->wire;
	bool server_first = false;

	hold_assemble(&f->hold, !f->client, f->from[!f->client], &w->bytes, &server);
	if (server.reset) {
		end_by_reset(f, !f->client);
		return;
	}
	server_first = w->bytes.len > 0;
	hold_assemble(&f->hold, f->client, f->from[f->client], &w->bytes, &client);
	if (client.reset) {
		end_by_reset(f, f->client);
		return;
	}
	if (f->asked || f->taking)
		return;
	if (w->bytes.len == 0 && !client.fin && server_first) {
		hold_assemble(&f->hold, !f->client, f->from[!f->client], &w->bytes, &server);
		client = server;
	} else {
		server_first = false;
	}
	if (w->bytes.len > f->sent_len || (client.fin && !f->has_worker) || f->timed_out ||
	    f->silent || (client.fin && f->has_worker))
		flow_offer(f, server_first, &client);
}
