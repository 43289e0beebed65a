/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The host of a worker's sessions: what they share, and what the worker asks of all of them.
 */
#include <openssl/rand.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/base/err.h"
#include "tpsd/session/session_priv.h"

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

void host_set_unlicensed(struct host *h, const struct host_unlicensed *unlicensed)
{
	h->unlicensed = *unlicensed;
}

void host_set_exceptions(struct host *h, const struct host_exception *list, size_t count)
{
	h->exceptions_count = SL_MIN(count, (size_t)HOST_EXCEPTIONS_MAX);
	if (h->exceptions_count)
		memcpy(h->exceptions, list, h->exceptions_count * sizeof(*list));
}
