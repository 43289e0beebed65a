/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The driver: sessions by flow, the walk through the steps, timers.
 */
#include <stdlib.h>
#include <sys/epoll.h>

#include "lib/base/clock.h"
#include "lib/base/err.h"
#include "lib/base/log.h"
#include "lib/base/magic.h"
#include "tpsd/session/session_priv.h"

#define CONTAINER_OF(ptr, type, member) ((type *)((char *)(ptr)-offsetof(type, member)))

static int (*const steps[STEP_END])(struct session *s) = {
        [STEP_HELLO] = step_hello,       [STEP_SERVER] = step_server, [STEP_VERIFY] = step_verify,
        [STEP_IDENTITY] = step_identity, [STEP_CLIENT] = step_client, [STEP_RELAY] = step_relay,
};

const char *step_name(enum step step)
{
	static const char *const names[] = {
#define X(NAME, name, waits) #name,
#include "tpsd/session/step.def"
#undef X
	};

	return step < STEP_END ? names[step] : "?";
}

static struct session **bucket_of(struct host *h, uint64_t flow)
{
	return &h->buckets[flow % HOST_BUCKETS];
}

struct session *session_find(struct host *h, uint64_t flow)
{
	struct session *s = *bucket_of(h, flow);

	while (s && s->flow != flow)
		s = s->next;
	return s;
}

static struct source_count *count_of(struct host *h, struct source_count *table,
                                     const struct addr *a, uint16_t port)
{
	uint64_t hash = h->seed ^ port;

	for (size_t i = 0; i < sizeof(a->bytes); i++)
		hash = (hash ^ a->bytes[i]) * 0x100000001b3ULL;
	return &table[hash % HOST_SOURCES];
}

struct source_count *host_source(struct host *h, const struct addr *client)
{
	return count_of(h, h->sources, client, 0);
}

struct source_count *host_destination(struct host *h, const struct addr *server, uint16_t port)
{
	return count_of(h, h->destinations, server, port);
}

struct session *session_create(struct host *h, const struct ipc_hello *hello)
{
	struct session *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	MAGIC_SET(s, SESSION_MAGIC);
	s->host = h;
	s->setup = setup_get(h->setup);
	s->flow = hello->flow;
	s->client = hello->client;
	s->server = hello->server;
	s->client_port = hello->client_port;
	s->server_port = hello->server_port;
	s->segment = hello->segment;
	s->client_side = hello->client_side;
	s->vlan = hello->vlan;
	s->tunnel = hello->tunnel;
	s->tunnel_key = hello->tunnel_key;
	s->alert_to_client = TLS_NO_ALERT;
	s->begun_ns = s->active_ns = clock_now_ns();
	for (int i = 0; i < 2; i++) {
		s->legs[i] = (struct leg){.session = s, .side = (enum leg_side)i, .fd = -1};
		s->pipes[i][0] = s->pipes[i][1] = -1;
		buf_init(&s->directions[i].held, RELAY_HELD_MAX);
	}
	s->next = *bucket_of(h, s->flow);
	*bucket_of(h, s->flow) = s;
	s->older = h->newest;
	*(h->newest ? &h->newest->newer : &h->oldest) = s;
	h->newest = s;
	h->sessions++;
	h->handshakes++;
	s->handshaking = true;
	host_source(h, &s->client)->sessions++;
	host_destination(h, &s->server, s->server_port)->sessions++;
	counter_add(h->counters, COUNTER_active, 1);
	return s;
}

void session_handshake_over(struct session *s)
{
	if (s->handshaking)
		s->host->handshakes--;
	s->handshaking = false;
}

void session_unlink(struct session *s)
{
	struct host *h = s->host;
	struct session **at = bucket_of(h, s->flow);

	while (*at != s)
		at = &(*at)->next;
	*at = s->next;
	*(s->newer ? &s->newer->older : &h->newest) = s->older;
	*(s->older ? &s->older->newer : &h->oldest) = s->newer;
	h->sessions--;
	session_handshake_over(s);
	host_source(h, &s->client)->sessions--;
	host_destination(h, &s->server, s->server_port)->sessions--;
	counter_sub(h->counters, COUNTER_active, 1);
}

static uint32_t epoll_of(unsigned wants)
{
	return ((wants & LEG_WANTS_READ) ? (uint32_t)EPOLLIN : 0) |
	       ((wants & LEG_WANTS_WRITE) ? (uint32_t)EPOLLOUT : 0);
}

enum { READY_BOTH = 3 };

/* In the relay a leg's event concerns the direction that reads it or the one that writes to it;
 * trying the other one too would cost a system call each time. */
static uint8_t ready_directions(const struct leg *leg, uint32_t events)
{
	const struct session *s = leg->session;
	int reads = leg->side == LEG_CLIENT ? TSE_TO_SERVER : TSE_TO_CLIENT;
	uint8_t ready = 0;

	if (events & (EPOLLHUP | EPOLLERR))
		return READY_BOTH;
	for (int d = 0; d < 2; d++)
		if (epoll_of(d == reads ? s->directions[d].read_wants
		                        : s->directions[d].write_wants) &
		    events)
			ready |= (uint8_t)(1 << d);
	return ready;
}

static void leg_events(struct loop_source *source, uint32_t events)
{
	struct leg *leg = CONTAINER_OF(source, struct leg, source);
	struct session *s = leg->session;

	MAGIC_CHECK(s, SESSION_MAGIC);
	/* A hang-up is delivered whether asked for or not; when nobody reads this leg now it would
	 * be delivered for ever. */
	if ((events & (EPOLLHUP | EPOLLERR)) && source->events == 0)
		loop_remove(source);
	s->ready = ready_directions(leg, events);
	session_drive(s);
}

/* What each leg waits for: in the relay, as a reader of one direction and a writer of the other. */
static unsigned wants_of(const struct session *s, int side)
{
	const struct direction *out =
	        &s->directions[side == LEG_CLIENT ? TSE_TO_SERVER : TSE_TO_CLIENT];
	const struct direction *in =
	        &s->directions[side == LEG_CLIENT ? TSE_TO_CLIENT : TSE_TO_SERVER];

	if (s->step == STEP_RELAY)
		return out->read_wants | in->write_wants;
	if (s->step == STEP_HELLO)
		return s->legs[side].wants;
	if (s->step == STEP_SERVER)
		return side == LEG_SERVER ? s->legs[side].wants : 0;
	return side == LEG_CLIENT ? s->legs[side].wants : 0;
}

static int watch_legs(struct session *s)
{
	for (int i = 0; i < 2; i++) {
		struct leg *leg = &s->legs[i];
		uint32_t events = epoll_of(wants_of(s, i));
		int rc = 0;

		if (leg->fd < 0)
			continue;
		if (leg->source.loop)
			rc = loop_modify(&leg->source, events);
		else if (events)
			rc = loop_add(s->host->loop, &leg->source, leg->fd, events, leg_events);
		if (rc != 0)
			return rc;
	}
	return 0;
}

void session_drive(struct session *s)
{
	int rc = 0;

	MAGIC_CHECK(s, SESSION_MAGIC);
	while (rc == 0 && s->step < STEP_CLOSE) {
		rc = steps[s->step] ? steps[s->step](s) : 0;
		if (rc == 0)
			s->step++;
	}
	if (rc == SL_EREFUSED)
		return; /* closed and freed on the way */
	if (rc == SL_EAGAIN)
		rc = watch_legs(s);
	if (rc != 0)
		session_close(s, REASON_INTERNAL);
}

static void again_now(struct loop_timer *timer)
{
	struct session *s = CONTAINER_OF(timer, struct session, again);

	s->ready = READY_BOTH;
	session_drive(s);
}

/* From the loop, never at once: the caller may be in the middle of the session's own code. */
void session_wake(void *arg)
{
	struct session *s = arg;

	MAGIC_CHECK(s, SESSION_MAGIC);
	if (loop_timer_set(s->host->loop, &s->again, 0, again_now) != 0)
		session_close(s, REASON_INTERNAL);
}

/* How long the present step may last from its begin or from the last byte, and what it means. */
static uint64_t deadline_of(const struct session *s, enum reason *ret_reason)
{
	const struct config_ssl_inspection *conf = &s->setup->config->ssl_inspection;
	bool half = s->directions[0].finished || s->directions[1].finished;

	if (s->step == STEP_RELAY) {
		*ret_reason = half ? relay_reason(s) : REASON_IDLE_TIMEOUT;
		return s->active_ns +
		       (half ? conf->close_timeout_ms : conf->idle_timeout_ms) * CLOCK_NS_PER_MS;
	}
	if (s->step == STEP_HELLO && s->plain != REASON_NONE) { /* nobody has to say anything */
		*ret_reason = REASON_IDLE_TIMEOUT;
		return s->begun_ns + conf->idle_timeout_ms * CLOCK_NS_PER_MS;
	}
	if (s->step == STEP_HELLO) {
		*ret_reason = REASON_INCOMPLETE_HELLO;
		return s->begun_ns + conf->hello_timeout_ms * CLOCK_NS_PER_MS;
	}
	*ret_reason = REASON_HANDSHAKE_TIMEOUT;
	return s->taken_ns + conf->handshake_timeout_ms * CLOCK_NS_PER_MS;
}

static void timer_fired(struct loop_timer *timer)
{
	struct session *s = CONTAINER_OF(timer, struct session, timer);
	const struct config_ssl_inspection *conf = &s->setup->config->ssl_inspection;
	uint64_t now = clock_now_ns();
	enum reason reason = REASON_INTERNAL;
	uint64_t deadline = deadline_of(s, &reason);

	if (now >= deadline)
		session_close(s, reason);
	else if (s->step == STEP_RELAY) /* one end may close meanwhile, which shortens the wait */
		session_arm(s, SL_MIN(deadline - now, conf->close_timeout_ms * CLOCK_NS_PER_MS));
	else
		session_arm(s, deadline - now);
}

void session_arm(struct session *s, uint64_t delay_ns)
{
	if (loop_timer_set(s->host->loop, &s->timer, delay_ns, timer_fired) != 0)
		log_error("flow %llu has no timer: out of memory", (unsigned long long)s->flow);
}
