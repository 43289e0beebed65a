/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Flow entries: what a packet does to the one it belongs to. Check and record are one step under
 * the entry's lock, since a packet that another CPU forwards after user space has taken its
 * snapshot would be lost to the sockets of the take. docs/internals/flow.md has the states.
 */
#pragma once

#include "bpf/lib/options.h"

enum flow_verdict {
	FLOW_PASS,
	FLOW_UP,
	FLOW_UP_FIRST,
	FLOW_DIVERT,
	FLOW_BLOCK,
	FLOW_BLOCK_RESET,
	FLOW_RELEASE,
	FLOW_BAD
};

enum { FLOW_WINDOW = 1 << 20 }; /* a sequence number further ahead is not this flow's */

inline_fn void end_set_options(struct wire_end *e, const struct options *o)
{
	e->options = o->seen;
	e->mss = o->mss;
	e->wscale = o->wscale;
	e->tsval = o->tsval;
	e->tsecr = o->tsecr;
}

/* A SYN or SYN-ACK of this end. */
inline_fn void end_begin(struct wire_end *e, const struct packet *p, const struct options *o)
{
	__builtin_memset(e, 0, sizeof(*e));
	e->isn = p->seq;
	e->next = p->seq + 1;
	e->ack = p->ack;
	e->window = p->window;
	e->dress = p->dress;
	end_set_options(e, o);
}

/* Any later packet of this end; `far` is the other one. Under the lock. */
inline_fn void end_note(struct wire_end *e, const struct wire_end *far, const struct packet *p,
                        const struct options *o)
{
	if (p->seq - e->next + 1 > FLOW_WINDOW || p->flags & TCP_SYN)
		return;
	if (p->flags & TCP_ACK && (__s32)(p->ack - e->ack) >= 0 &&
	    (__s32)(p->ack - far->next) <= 0) {
		e->ack = p->ack;
		e->window = p->window;
		e->scaled = 1;
	}
	/* As its receiver does: a packet ahead of its turn is no measure of age (RFC 7323 4.3). */
	if (o->seen & WIRE_OPT_TIMESTAMP && (__s32)(p->seq - e->next) <= 0 &&
	    (__s32)(o->tsval - e->tsval) >= 0) {
		e->tsval = o->tsval;
		e->tsecr = o->tsecr;
	}
	e->dress = p->dress;
}

/* As end_note for a diverted flow: both leg's sequence spaces are the stack's. */
inline_fn void end_follow(struct wire_end *e, const struct packet *p)
{
	__u32 next = p->seq + p->payload_len + !!(p->flags & TCP_FIN);

	if (p->flags & TCP_ACK && (__s32)(p->ack - e->ack) > 0)
		e->ack = p->ack;
	if ((__s32)(next - e->next) > 0)
		e->next = next;
	e->dress = p->dress;
}

/*
 * What the receiver would throw away (RFC 9293 section 3.10.7.4, RFC 7323 section 5, RFC 2385): a
 * decoy must not be what the decision is made of.
 */
inline_fn int end_refuses(const struct wire_end *e, const struct wire_end *far,
                          const struct packet *p, const struct options *o)
{
	if (p->flags & TCP_RST)
		return 0;
	if (!(p->flags & TCP_ACK) || o->seen & WIRE_OPT_AUTH)
		return 1;
	return e->options & far->options & o->seen & WIRE_OPT_TIMESTAMP &&
	       (__s32)(o->tsval - e->tsval) < 0;
}

/*
 * A FIN ahead of its turn, while nobody has spoken: what goes before it is still on its way and
 * will be held. Its receiver would keep the FIN for its place, where the leg of a take may long
 * have other bytes. Its sender sends it again.
 */
inline_fn int end_fin_early(const struct wire_flow *f, const struct wire_end *e,
                            const struct packet *p)
{
	return f->state == WIRE_WATCH && p->flags & TCP_FIN && !p->payload_len &&
	       (__s32)(p->seq - e->next) > 0;
}

/* WATCH and HELD. `off`: inspection is off, so nothing is held. Under the lock. */
inline_fn int flow_step_undecided(struct wire_flow *f, const struct packet *p,
                                  const struct options *o, int side, int off)
{
	struct wire_end *e = &f->end[side & 1], *far = &f->end[!side];
	int speaks = p->payload_len || (f->state == WIRE_HELD && p->flags & (TCP_FIN | TCP_RST));

	if (end_refuses(e, far, p, o) || end_fin_early(f, e, p))
		return FLOW_BAD;
	if (off && (speaks || f->state == WIRE_HELD))
		return FLOW_RELEASE;
	end_note(e, far, p, o);
	if (speaks) {
		int first = f->state == WIRE_WATCH;

		f->state = WIRE_HELD;
		return first ? FLOW_UP_FIRST : FLOW_UP;
	}
	if (p->flags & TCP_FIN && p->seq == e->next) {
		e->next++;
		f->ended |= side ? WIRE_FIN_B : WIRE_FIN_A;
	}
	/* Any other one in the window is answered with a challenge and ends nothing (RFC 5961). */
	if (p->flags & TCP_RST && p->seq == e->next)
		f->ended |= WIRE_RST;
	return FLOW_PASS;
}

inline_fn int flow_step(struct wire_flow *f, const struct packet *p, const struct options *o,
                        int side, int off, __u64 now, __u64 *serial, __be32 *synthetic)
{
	int verdict = FLOW_PASS;

	bpf_spin_lock(&f->lock);
	*serial = f->serial;
	*synthetic = f->synthetic;
	f->seen_ns = now;
	switch (f->state) {
	case WIRE_WATCH:
	case WIRE_HELD:
		verdict = flow_step_undecided(f, p, o, side, off);
		break;
	case WIRE_DIVERT:
		end_follow(&f->end[side & 1], p);
		verdict = FLOW_DIVERT;
		break;
	case WIRE_FORWARD:
		if (p->flags & TCP_FIN)
			f->ended |= side ? WIRE_FIN_B : WIRE_FIN_A;
		if (p->flags & TCP_RST)
			f->ended |= WIRE_RST;
		break;
	default:
		verdict = f->resets >> (side & 1) & 1 ? FLOW_BLOCK_RESET : FLOW_BLOCK;
		break;
	}
	bpf_spin_unlock(&f->lock);
	return verdict;
}

/* The entry of a handshake that is complete. 0, or the map's error when it is full. */
inline_fn long flow_promote(struct visit *v, const struct wire_embryo *m)
{
	struct wire_flow *f = (struct wire_flow *)v->flow;
	struct wire_global *g = global_get();
	long error;

	if (!g)
		return -1;
	__builtin_memset(f, 0, sizeof(*f));
	f->abi = WIRE_ABI;
	f->state = WIRE_WATCH;
	f->client = m->client;
	f->serial = m->serial;
	f->created_ns = f->seen_ns = v->now;
	f->generation = g->generation;
	f->revision = g->revision;
	f->silence_ms = m->silence_ms;
	f->end[0] = m->end[0];
	f->end[1] = m->end[1];
	error = bpf_map_update_elem(&flows, &v->key, f, BPF_NOEXIST);
	if (!error)
		count(WIRE_COUNT_FLOWS_MADE);
	if (!error || error == -17 /* EEXIST: another CPU was first */) {
		bpf_map_delete_elem(&embryos, &v->key);
		return 0;
	}
	return error;
}
