/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The driver: sessions by flow, the walk through the steps, timers, the one place where a session
 * ends.
 */
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/rand.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

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

static void unlink_session(struct session *s)
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
enum { DISCARD_READS = 4 }; /* at a close, of CLIENTHELLO_MAX bytes: no peer keeps us reading */

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

/*
 * The kernel resets a connection that is closed with bytes unread. What came last and nobody wants
 * (a server's tickets, say) is thrown away first, so that the end is the FIN that was meant.
 */
static void discard_unread(const struct leg *leg)
{
	struct host *h = leg->session->host;

	for (int i = 0; i < DISCARD_READS; i++)
		if (recv(leg->fd, h->peek_scratch, sizeof(h->peek_scratch), MSG_DONTWAIT) <= 0)
			return;
}

/* `wire` set the sockets to reset when they are closed, so that our death resets them. */
static void close_leg(struct leg *leg, bool orderly)
{
	struct linger off = {0, 0};

	loop_remove(&leg->source);
	if (leg->ops)
		leg->ops->fini(leg);
	if (leg->fd < 0)
		return;
	if (orderly && leg->session->answered && leg->side == LEG_CLIENT &&
	    farewell_begin(leg->session->host->farewells, leg->fd) == 0) {
		leg->fd = -1;
		return;
	}
	if (orderly) {
		(void)setsockopt(leg->fd, SOL_SOCKET, SO_LINGER, &off, sizeof(off));
		discard_unread(leg);
	}
	(void)close(leg->fd);
	leg->fd = -1;
}

/* A plain alert record: the client has sent nothing but its ClientHello, so it is in the clear. */
static void send_plain_alert(struct session *s)
{
	uint16_t version = s->hello.legacy_version > 0x0303 ? 0x0303 : s->hello.legacy_version;
	uint8_t record[7] = {21, 3, (uint8_t)(version & 0xff), 0, 2, 2, s->alert_to_client};

	(void)!send(s->legs[LEG_CLIENT].fd, record, sizeof(record), MSG_NOSIGNAL | MSG_DONTWAIT);
}

static void count_outcome(struct session *s, enum reason reason, enum reason_outcome outcome)
{
	struct counter_slab *c = s->host->counters;

	counter_add_reason(c, reason);
	switch (outcome) {
	case OUTCOME_INSPECTED:
		counter_add(c, COUNTER_inspected, 1);
		break;
	case OUTCOME_BLOCKED:
		counter_add(c, COUNTER_blocked, 1);
		break;
	case OUTCOME_BYPASSED:
		counter_add(c, COUNTER_bypassed, 1);
		break;
	case OUTCOME_NOT_DECRYPTED:
		counter_add(c, COUNTER_not_decrypted, 1);
		break;
	case OUTCOME_NOT_INSPECTED:
		counter_add(c, COUNTER_not_inspected, 1);
		break;
	default:
		break;
	}
}

/* The table's outcome, but a session that never relayed was not inspected, and a class's setting
 * turns bypassed into blocked. */
static enum reason_outcome outcome_of(const struct session *s, enum reason reason)
{
	enum reason_outcome outcome = reason_outcome(reason);

	if (s->splicing)
		return outcome == OUTCOME_INSPECTED ? OUTCOME_NOT_DECRYPTED
		       : outcome == OUTCOME_BLOCKED && reason == s->legs[LEG_CLIENT].reason
		               ? OUTCOME_BYPASSED
		               : outcome;
	if (s->plain != REASON_NONE && reason == s->plain)
		return OUTCOME_BYPASSED;
	if (outcome == OUTCOME_INSPECTED && !s->established)
		return OUTCOME_FAILED;
	if (outcome == OUTCOME_BYPASSED)
		return OUTCOME_BLOCKED;
	if (outcome == OUTCOME_INSPECTED && s->out && s->out->not_inspected)
		return OUTCOME_NOT_INSPECTED;
	return outcome;
}

void session_learn_shared(struct session *s, enum reason reason)
{
	const struct learned_key key = {
	        .server = &s->server, .port = s->server_port, .sni = s->hello.sni};

	learned_add(s->host->learned, &key, reason, clock_now_ns());
}

/*
 * What a client caused stays its own (R156); it has no say where everything is to be decrypted. A
 * leaf of the untrusted CA is there to be refused: who refuses it would else find the bad server
 * left alone the next time (R64).
 */
static void learn_of_client(struct session *s, enum reason reason)
{
	const struct learned_key key = {.client = &s->client,
	                                .server = &s->server,
	                                .port = s->server_port,
	                                .sni = s->hello.sni};

	if (s->out->fault == PKI_FAULT_NONE && s->out->source != POLICY_SOURCE_ALWAYS &&
	    s->out->domain.kind != DOMAIN_OVERRIDE)
		learned_add(s->host->learned, &key, reason, clock_now_ns());
}

/* A session that should have been bypassed and is past that: the next one to there will be. Only
 * by a setting of the administrator (R155); a session that was cleared or ran out teaches nothing.
 */
static void learn(struct session *s, enum reason reason)
{
	if (s->established || !s->proxy || s->splicing || reason_class(reason) == FAILURE_NONE ||
	    class_action(s->proxy->config, reason) != CONFIG_BYPASS)
		return;
	if (s->out && reason_class(reason) == FAILURE_PINNED)
		learn_of_client(s, reason);
	else
		session_learn_shared(s, reason);
}

/* R99: instead of an alert. What is blocked in the relay has had its judgement. */
static bool wants_reset(const struct session *s, enum reason_outcome outcome)
{
	return s->out && outcome == OUTCOME_BLOCKED && !s->established &&
	       s->proxy->config->tcp_reset;
}

static void end_session(struct session *s, enum reason reason, bool client_orderly,
                        bool server_orderly)
{
	struct host *h = s->host;
	enum reason_outcome outcome;
	uint64_t flow = s->flow;
	bool had_sockets = s->legs[LEG_CLIENT].fd >= 0;

	MAGIC_CHECK(s, SESSION_MAGIC);
	if (s->ending)
		return;
	s->ending = true;
	/* However it ended: that it was no TLS is what is told of it. */
	if (s->plain != REASON_NONE && reason_outcome(reason) == OUTCOME_INSPECTED)
		reason = s->plain;
	outcome = outcome_of(s, reason);
	if (wants_reset(s, outcome)) {
		s->alert_to_client = TLS_NO_ALERT;
		client_orderly = false;
	}
	if (s->alert_to_client != TLS_NO_ALERT && s->legs[LEG_CLIENT].fd >= 0 &&
	    !s->legs[LEG_CLIENT].ops)
		send_plain_alert(s);
	learn(s, reason);
	record_host_mismatch(s);
	record_end(s, reason, outcome);
	count_outcome(s, reason, outcome);
	inspection_end(s);
	loop_timer_cancel(&s->timer);
	loop_timer_cancel(&s->again);
	close_leg(&s->legs[LEG_CLIENT], client_orderly);
	close_leg(&s->legs[LEG_SERVER], server_orderly);
	splice_fini(s);
	outbound_destroy(s);
	buf_fini(&s->directions[0].held);
	buf_fini(&s->directions[1].held);
	unlink_session(s);
	setup_put(s->setup);
	MAGIC_CLEAR(s);
	free(s);
	if (had_sockets)
		h->ops->ended(h->arg, flow, reason);
}

/*
 * A client that has ended its side and got that acknowledged says no more: a RST that is lost would
 * leave it waiting, a FIN is repeated. Not once the relay has begun, where the RST is what tells a
 * body that is cut short from one that is complete.
 */
static bool client_waits_for_end(const struct session *s)
{
	struct tcp_info info;
	socklen_t len = sizeof(info);

	return !s->established && !s->splicing && s->legs[LEG_CLIENT].fd >= 0 &&
	       getsockopt(s->legs[LEG_CLIENT].fd, IPPROTO_TCP, TCP_INFO, &info, &len) == 0 &&
	       info.tcpi_state == TCP_CLOSE_WAIT;
}

void session_close(struct session *s, enum reason reason)
{
	/* An alert is only read by a client that does not get a RST behind it. */
	end_session(s, reason, s->alert_to_client != TLS_NO_ALERT || client_waits_for_end(s),
	            false);
}

void session_close_orderly(struct session *s, enum reason reason)
{
	end_session(s, reason, true, true);
}

void session_close_blocked(struct session *s, bool client_orderly, bool server_orderly)
{
	end_session(s, s->block_reason, client_orderly, server_orderly);
}

int host_create(const struct host_parts *parts, struct host **ret_host)
{
	struct host *h = calloc(1, sizeof(*h));
	int rc = SL_ENOMEM;

	if (!h)
		return SL_ENOMEM;
	h->loop = parts->loop;
	h->ops = parts->ops;
	h->arg = parts->arg;
	h->ring = parts->ring;
	h->counters = parts->counters;
	h->workers = parts->workers ? parts->workers : 1;
	h->keys = parts->keys;
	h->closed = calloc(HOST_CLOSED_KEPT, sizeof(*h->closed));
	h->resume = resume_create(0);
	h->flight = flight_create();
	if (h->closed && h->resume && h->flight)
		rc = keyprov_create(parts->keys, &h->keyprov);
	if (rc == 0)
		rc = tls_capability_probe(&h->capability);
	if (rc == 0 && RAND_bytes((uint8_t *)&h->seed, sizeof(h->seed)) <= 0)
		rc = SL_ECRYPTO;
	h->own_learned = parts->learned ? NULL : learned_create();
	h->learned = parts->learned ? parts->learned : h->own_learned;
	h->leaves = leafcache_create(0);
	h->farewells = farewells_create(h->loop);
	if (!h->learned || !h->leaves || !h->farewells)
		rc = SL_ENOMEM;
	else
		leafcache_count_in(h->leaves, h->counters);
	if (rc == 0)
		rc = loop_timer_set(h->loop, &h->minute, 60 * CLOCK_NS_PER_S, record_minute);
	if (rc != 0) {
		host_destroy(h);
		return rc;
	}
	*ret_host = h;
	return 0;
}

void host_destroy(struct host *h)
{
	if (!h)
		return;
	while (h->oldest)
		session_close(h->oldest, REASON_CLEARED);
	farewells_destroy(h->farewells);
	loop_timer_cancel(&h->minute);
	setup_put(h->setup);
	resume_destroy(h->resume);
	keyprov_destroy(h->keyprov);
	flight_destroy(h->flight);
	ticket_keys_fini(&h->tickets);
	learned_destroy(h->own_learned);
	leafcache_destroy(h->leaves);
	free(h->closed);
	free(h);
}

const struct tls_capability *host_capability(const struct host *h)
{
	return &h->capability;
}

struct keyprov *host_keyprov(struct host *h)
{
	return h->keyprov;
}

/* The cache of server sessions is begun anew: its keys hold the settings, its size may differ. */
void host_use_setup(struct host *h, struct setup *setup)
{
	struct resume_cache *cache;
	const struct config_ssl_inspection *conf;

	setup_put(h->setup);
	h->setup = setup ? setup_get(setup) : NULL;
	if (!setup)
		return;
	learned_begin(h->learned, setup->revision);
	leafcache_clear(h->leaves);
	leafcache_set_max(h->leaves, setup->config->limits.forged_leaves);
	conf = &setup->config->ssl_inspection;
	cache = resume_create(conf->resumption ? conf->server_session_cache : 0);
	if (!cache)
		return;
	resume_destroy(h->resume);
	h->resume = cache;
}

void host_add_ticket_key(struct host *h, uint32_t generation, const uint8_t *secret, size_t len)
{
	(void)ticket_keys_add(&h->tickets, generation, secret, len);
}

void host_set_own_keys(struct host *h, const uint8_t (*ids)[KEY_ID_LEN], size_t count)
{
	h->own_keys_count = SL_MIN(count, HOST_OWN_KEYS_MAX);
	if (h->own_keys_count > 0)
		memcpy(h->own_keys, ids, h->own_keys_count * KEY_ID_LEN);
	memset(h->known_chains, 0, sizeof(h->known_chains)); /* they were judged by the old list */
	leafcache_keep_keys(h->leaves, (const uint8_t(*)[KEY_ID_LEN])h->own_keys,
	                    h->own_keys_count);
}

void host_taken(struct host *h, uint64_t flow, int client_fd, int server_fd)
{
	struct session *s = session_find(h, flow);

	if (!s || s->legs[LEG_CLIENT].fd >= 0) {
		/* Unknown, or taken twice: not ours to relay. Closing resets both ends. */
		(void)close(client_fd);
		(void)close(server_fd);
		h->ops->ended(h->arg, flow, REASON_INTERNAL);
		return;
	}
	s->legs[LEG_CLIENT].fd = client_fd;
	s->legs[LEG_SERVER].fd = server_fd;
	s->taken_ns = clock_now_ns();
	if (s->plain == REASON_NONE)
		counter_add(h->counters, COUNTER_accepted, 1);
	if (s->alert_to_client != TLS_NO_ALERT) {
		session_close(s, s->legs[LEG_CLIENT].reason);
		return;
	}
	s->step = s->hello_seen ? STEP_SERVER : STEP_HELLO;
	session_arm(s, (s->hello_seen ? s->setup->config->ssl_inspection.handshake_timeout_ms
	                              : s->setup->config->ssl_inspection.hello_timeout_ms) *
	                       CLOCK_NS_PER_MS);
	session_drive(s);
}

void host_gone(struct host *h, uint64_t flow, enum reason reason)
{
	struct session *s = session_find(h, flow);

	if (s && s->legs[LEG_CLIENT].fd < 0)
		session_close(s, reason);
}

size_t host_sessions(const struct host *h)
{
	return h->sessions;
}

size_t host_handshakes(const struct host *h)
{
	return h->handshakes;
}

static bool is_meant(const struct session *s, const struct host_filter *f)
{
	return (f->flow == 0 || f->flow == s->flow) &&
	       (!f->client || addr_equal(f->client, &s->client)) &&
	       (!f->server || addr_equal(f->server, &s->server));
}

size_t host_clear(struct host *h, const struct host_filter *filter)
{
	size_t n = 0;

	for (struct session *s = h->newest, *older; s; s = older) {
		older = s->older;
		if (!is_meant(s, filter))
			continue;
		session_close(s, REASON_CLEARED);
		n++;
	}
	return n;
}

void host_pause(struct host *h, bool paused)
{
	h->paused = paused;
}

void host_set_exceptions(struct host *h, const struct host_exception *list, size_t count)
{
	h->exceptions_count = SL_MIN(count, (size_t)HOST_EXCEPTIONS_MAX);
	if (h->exceptions_count)
		memcpy(h->exceptions, list, h->exceptions_count * sizeof(*list));
}
