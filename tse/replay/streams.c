/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Puts the TCP streams of a capture together.
 */
#include "tse/replay/streams.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/err.h"

enum { BUCKETS = 4096, WAITING_MAX = 8 * 1024 * 1024, CONNECTIONS_MAX = 65536 };

struct waiting {
	struct waiting *next;
	uint32_t seq;
	size_t len;
	uint8_t data[];
};

struct direction {
	uint32_t next; /* the sequence number expected */
	uint32_t fin;  /* where it ends, when has_fin */
	bool started, ended, has_fin;
	struct waiting *waiting; /* in order, without overlap */
	size_t waiting_bytes;
};

struct connection {
	struct connection *next; /* in its bucket */
	struct feeder feeder;
	struct direction dir[2];
};

struct streams {
	struct streams_setup setup;
	struct connection *buckets[BUCKETS];
	uint64_t connections, bytes;
	unsigned open;
};

struct streams *streams_create(const struct streams_setup *setup)
{
	struct streams *s = calloc(1, sizeof(*s));

	if (s)
		s->setup = *setup;
	return s;
}

/* The same for both directions. */
static unsigned bucket_of(const struct segment *s)
{
	uint32_t h = (uint32_t)s->src_port * s->dst_port;

	for (int i = 0; i < 16; i++)
		h = h * 31 + (uint32_t)(s->src.bytes[i] ^ s->dst.bytes[i]);
	return h % BUCKETS;
}

static bool is_of(const struct connection *c, const struct segment *s, enum tse_direction *ret_dir)
{
	const struct tse_tuple *t = &c->feeder.tuple;

	if (s->src_port == t->client_port && s->dst_port == t->server_port &&
	    addr_equal(&s->src, &t->client) && addr_equal(&s->dst, &t->server)) {
		*ret_dir = TSE_TO_SERVER;
		return true;
	}
	*ret_dir = TSE_TO_CLIENT;
	return s->dst_port == t->client_port && s->src_port == t->server_port &&
	       addr_equal(&s->dst, &t->client) && addr_equal(&s->src, &t->server);
}

static void destroy_connection(struct streams *s, struct connection *c)
{
	for (int d = 0; d < 2; d++) {
		while (c->dir[d].waiting) {
			struct waiting *w = c->dir[d].waiting;

			c->dir[d].waiting = w->next;
			free(w);
		}
	}
	feeder_end(&c->feeder);
	free(c);
	s->open--;
}

/* The client is who sent the SYN; without one, who speaks first. */
static int create_connection(struct streams *s, const struct segment *seg,
                             struct connection **ret_connection)
{
	bool from_server = seg->syn && seg->ack;
	struct tse_tuple t = {.client = from_server ? seg->dst : seg->src,
	                      .server = from_server ? seg->src : seg->dst,
	                      .client_port = from_server ? seg->dst_port : seg->src_port,
	                      .server_port = from_server ? seg->src_port : seg->dst_port};
	struct connection *c;
	int rc;

	if (s->open >= CONNECTIONS_MAX)
		return SL_ELIMIT;
	c = calloc(1, sizeof(*c));
	if (!c)
		return SL_ENOMEM;
	rc = feeder_begin(&c->feeder, s->setup.engine, &t, s->setup.service, ++s->connections);
	if (rc != 0) {
		free(c);
		return rc;
	}
	c->feeder.split = s->setup.split;
	c->feeder.sink = s->setup.sink;
	c->feeder.sink_arg = s->setup.sink_arg;
	c->next = s->buckets[bucket_of(seg)];
	s->buckets[bucket_of(seg)] = c;
	s->open++;
	*ret_connection = c;
	return 0;
}

/* A SYN on a connection that has ended begins a new one. */
static struct connection *find(struct streams *s, const struct segment *seg,
                               enum tse_direction *ret_dir)
{
	struct connection **at = &s->buckets[bucket_of(seg)];

	for (; *at; at = &(*at)->next) {
		struct connection *c = *at;

		if (!is_of(c, seg, ret_dir))
			continue;
		if (!seg->syn || seg->ack || !c->dir[0].ended)
			return c;
		*at = c->next;
		destroy_connection(s, c);
		return NULL;
	}
	return NULL;
}

/* Numbers wrap: what is before what is told by the difference. */
static bool before(uint32_t a, uint32_t b)
{
	return (int32_t)(a - b) < 0;
}

/* Puts bytes that no other segment has brought into the list, before *at. */
static int insert(struct direction *d, struct waiting **at, uint32_t seq, const uint8_t *data,
                  size_t len)
{
	struct waiting *w;

	if (d->waiting_bytes + len > WAITING_MAX)
		return SL_ELIMIT;
	w = malloc(sizeof(*w) + len);
	if (!w)
		return SL_ENOMEM;
	*w = (struct waiting){.next = *at, .seq = seq, .len = len};
	memcpy(w->data, data, len);
	*at = w;
	d->waiting_bytes += len;
	return 0;
}

/* Keeps the bytes of a segment that are new: what came first wins. */
static int keep(struct direction *d, const struct segment *seg)
{
	struct waiting **at = &d->waiting;
	uint32_t pos = seg->seq;
	uint32_t end = seg->seq + (uint32_t)seg->len;
	int rc = 0;

	if (before(pos, d->next))
		pos = d->next;
	while (rc == 0 && *at && before(pos, end)) {
		struct waiting *w = *at;
		uint32_t stop = before(w->seq, end) ? w->seq : end;

		if (before(pos, stop)) {
			rc = insert(d, at, pos, seg->data + (pos - seg->seq), stop - pos);
			at = &(*at)->next;
		}
		if (before(pos, w->seq + (uint32_t)w->len))
			pos = w->seq + (uint32_t)w->len;
		at = &w->next;
	}
	if (rc == 0 && before(pos, end))
		rc = insert(d, at, pos, seg->data + (pos - seg->seq), end - pos);
	return rc;
}

/* Feeds what is next in order, and the end when it is reached. */
static int deliver(struct streams *s, struct connection *c, enum tse_direction dir)
{
	struct direction *d = &c->dir[dir];
	int rc = 0;

	while (rc == 0 && d->waiting && d->waiting->seq == d->next) {
		struct waiting *w = d->waiting;

		d->waiting = w->next;
		d->waiting_bytes -= w->len;
		d->next += (uint32_t)w->len;
		s->bytes += w->len;
		rc = feeder_take(&c->feeder, dir, w->data, w->len, false);
		free(w);
	}
	if (rc == 0 && d->has_fin && d->fin == d->next && !d->ended) {
		d->ended = true;
		rc = feeder_take(&c->feeder, dir, NULL, 0, true);
	}
	return rc;
}

static int take_data(struct streams *s, struct connection *c, enum tse_direction dir,
                     const struct segment *seg)
{
	struct direction *d = &c->dir[dir];
	int rc;

	if (!d->started) {
		d->started = true;
		d->next = seg->seq + seg->syn;
	}
	if (d->ended || seg->syn || (seg->len == 0 && !seg->fin))
		return 0;
	if (seg->fin) {
		d->has_fin = true;
		d->fin = seg->seq + (uint32_t)seg->len;
	}
	rc = keep(d, seg);
	return rc == 0 ? deliver(s, c, dir) : rc;
}

int streams_take(struct streams *s, const struct segment *seg)
{
	enum tse_direction dir = TSE_TO_SERVER;
	struct connection *c = find(s, seg, &dir);
	int rc = 0;

	if (!c) {
		if (seg->rst || (seg->len == 0 && !seg->syn))
			return 0;
		rc = create_connection(s, seg, &c);
		if (rc != 0)
			return rc;
		(void)is_of(c, seg, &dir);
	}
	c->feeder.wall_us = seg->wall_us;
	if (seg->rst) {
		c->dir[0].ended = c->dir[1].ended = true;
		return 0;
	}
	return take_data(s, c, dir, seg);
}

void streams_destroy(struct streams *s, uint64_t *ret_connections, uint64_t *ret_bytes)
{
	if (!s)
		return;
	for (unsigned i = 0; i < BUCKETS; i++) {
		while (s->buckets[i]) {
			struct connection *c = s->buckets[i];

			s->buckets[i] = c->next;
			destroy_connection(s, c);
		}
	}
	if (ret_connections)
		*ret_connections = s->connections;
	if (ret_bytes)
		*ret_bytes = s->bytes;
	free(s);
}
