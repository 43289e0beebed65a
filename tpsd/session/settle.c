/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What becomes of a flow that was judged (decide.c): a session, or its end here, counted and with
 * its record.
 */
#include "lib/base/clock.h"
#include "tpsd/session/session_priv.h"

void host_count_protocol(struct host *h, enum reason reason)
{
	static const struct {
		enum reason reason;
		enum counter counter;
	} table[] = {
	        {REASON_CLEARTEXT, COUNTER_cleartext},
	        {REASON_SERVER_FIRST, COUNTER_cleartext},
	        {REASON_NO_HANDSHAKE, COUNTER_noHandshake},
	        {REASON_CLIENT_VERSION, COUNTER_clientVersionOther},
	        {REASON_CLIENT_SUITE, COUNTER_clientCipherOther},
	        {REASON_COMPRESSION, COUNTER_refused_compression},
	        {REASON_HELLO_MALFORMED, COUNTER_clientErrors},
	        {REASON_OVERLOAD, COUNTER_refused_overload},
	};

	for (size_t i = 0; i < SL_ARRAY_LEN(table); i++)
		if (table[i].reason == reason)
			counter_add(h->counters, table[i].counter, 1);
}

/* A session that lives only as long as its record is written: `s` has what events want to know. */
static void fill(struct session *s, struct host *h, struct judgement *j)
{
	const struct ipc_hello *hello = j->flow;

	*s = (struct session){.magic = SESSION_MAGIC,
	                      .host = h,
	                      .setup = h->setup,
	                      .flow = hello->flow,
	                      .client = hello->client,
	                      .server = hello->server,
	                      .client_port = hello->client_port,
	                      .server_port = hello->server_port,
	                      .segment = hello->segment,
	                      .vlan = hello->vlan,
	                      .tunnel = hello->tunnel,
	                      .virtual_segment = j->match.request.segment,
	                      .policy = j->match.request.policy,
	                      .out = j->out,
	                      .alert_to_client = TLS_NO_ALERT,
	                      .step = STEP_DECIDE};
	s->begun_ns = clock_now_ns();
	s->proxy = setup_find_proxy(h->setup, j->match.request.proxy);
	if (j->hello) {
		hello_summarise(j->hello, &s->hello);
		s->offer = j->hello;
		s->hello_seen = true;
	}
}

static enum reason_outcome outcome_of(const struct decision *d)
{
	enum reason_outcome outcome = reason_outcome(d->reason);

	if (d->action == IPC_FORWARD && outcome == OUTCOME_BLOCKED)
		return OUTCOME_BYPASSED;
	if (d->action == IPC_DROP && outcome == OUTCOME_BYPASSED)
		return OUTCOME_BLOCKED;
	return outcome;
}

/* Taken, but its name is excepted: the server's certificate proves the name or does not (R168). */
static bool waits_for_certificate(const struct judgement *j, const struct decision *d)
{
	return d->action == IPC_TAKE && d->alert == TLS_NO_ALERT && j->out &&
	       domain_is_excepted(&j->out->domain);
}

enum reason_outcome judgement_outcome(const struct judgement *j, const struct decision *d,
                                      enum reason *ret_reason)
{
	*ret_reason = d->reason;
	if (d->plain)
		return OUTCOME_BYPASSED;
	if (waits_for_certificate(j, d)) {
		*ret_reason = outbound_reason(j->out);
		return OUTCOME_NOT_INSPECTED;
	}
	return d->action == IPC_TAKE && d->alert == TLS_NO_ALERT ? OUTCOME_INSPECTED
	       : d->action == IPC_TAKE                           ? OUTCOME_BLOCKED
	                                                         : outcome_of(d);
}

/* Flows that end here: counted and, but for those without any policy, recorded. */
static void settle(struct host *h, struct judgement *j)
{
	const struct decision *d = &j->decision;
	enum reason_outcome outcome = outcome_of(d);
	struct session s;

	if (d->reason != REASON_NONE) {
		counter_add_reason(h->counters, d->reason);
		host_count_protocol(h, d->reason);
		counter_add(h->counters,
		            outcome == OUTCOME_BLOCKED    ? COUNTER_blocked
		            : outcome == OUTCOME_BYPASSED ? COUNTER_bypassed
		                                          : COUNTER_not_decrypted,
		            1);
		if (d->reason != REASON_NO_POLICY) {
			fill(&s, h, j);
			if (d->reason == REASON_OBSERVED)
				s.would = judgement_outcome(j, &j->would, &s.would_reason);
			record_decision(&s, d->reason, outcome);
		}
	}
	h->ops->verdict(h->arg, j->flow->flow, d->action, d->reset, d->reason);
}

static void take(struct host *h, const struct judgement *j)
{
	const struct policy_match *match = &j->match;
	const struct decision *d = &j->decision;
	const struct ipc_hello *hello = j->flow;
	struct session *s = session_create(h, hello);

	if (!s) {
		h->ops->verdict(h->arg, hello->flow, IPC_DROP, IPC_RESET_BOTH, REASON_INTERNAL);
		return;
	}
	s->virtual_segment = match->request.segment;
	s->response_segment = match->response;
	s->policy = match->request.policy;
	s->proxy = setup_find_proxy(s->setup, match->request.proxy);
	s->step = STEP_TAKE;
	if (j->out && outbound_create(s, j->out) != 0) {
		session_close(s, REASON_INTERNAL);
		h->ops->verdict(h->arg, hello->flow, IPC_DROP, IPC_RESET_BOTH, REASON_INTERNAL);
		return;
	}
	if (j->hello) {
		hello_summarise(j->hello, &s->hello);
		fingerprint_of(j->hello, &s->fingerprint);
		s->hello_seen = true;
	}
	s->alert_to_client = d->alert;
	if (d->plain) {
		s->plain = d->reason;
		host_count_protocol(h, d->reason);
	}
	if (d->alert != TLS_NO_ALERT) {
		s->legs[LEG_CLIENT].reason = d->reason;
		host_count_protocol(h, d->reason);
	}
	h->ops->verdict(h->arg, hello->flow, IPC_TAKE, IPC_RESET_NONE, REASON_NONE);
}

void host_hello(struct host *h, const struct ipc_hello *hello)
{
	struct judgement j = {.flow = hello};

	if (session_find(h, hello->flow))
		return; /* taken already: an answer is on its way */
	flow_judge(h, &j);
	if (j.decision.action == IPC_MORE)
		h->ops->verdict(h->arg, hello->flow, IPC_MORE, 0, REASON_NONE);
	else if (j.decision.action == IPC_TAKE)
		take(h, &j);
	else
		settle(h, &j);
}
