/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The rings of events. Layout of the shared memory: a page with `head` (the producer's), `tail`
 * (the consumer's) and the counts of what was lost; then the records: length, kind, bytes, with
 * no padding. Positions only grow; their low bits are the place.
 *
 * The memfd is sealed against shrinking, so that no producer can make the consumer's reads fault.
 * The consumer reads each length once, bounds it by what it saw of `head`, and keeps its own place
 * in memory of its own: whatever stands in the shared page, it reads inside the ring and ends.
 */
#include "lib/event/ring.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <fcntl.h>
#include <unistd.h>

#include "lib/base/err.h"
#include "lib/base/magic.h"

enum {
	RING_MAGIC = 0x52494e47,
	RING_PAGE = 4096,
	RING_SIZE_MIN = 64 * 1024,
	RING_SIZE_MAX = 64 * 1024 * 1024,
};

struct ring_page {
	uint64_t head __attribute__((aligned(64)));
	uint64_t lost[RING_KINDS];
	uint64_t tail __attribute__((aligned(64)));
};

struct ring_record {
	uint32_t len;
	uint32_t kind;
};

struct ring {
	uint32_t magic;
	struct ring_page *page;
	uint8_t *data;
	size_t size;
	int event_fd;
	/* The consumer's own, in its process's memory. */
	bool reading;
	uint64_t tail;
};

static int make_memory(size_t size)
{
	int fd = memfd_create("sluice-ring", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	if (fd < 0)
		return -1;
	if (ftruncate(fd, (off_t)(RING_PAGE + size)) == 0 &&
	    fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) == 0)
		return fd;
	(void)close(fd);
	return -1;
}

static int map_memory(struct ring *r)
{
	int fd = make_memory(r->size);
	uint8_t *map;

	if (fd < 0)
		return -1;
	map = mmap(NULL, RING_PAGE + r->size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	(void)close(fd);
	if (map == MAP_FAILED)
		return -1;
	r->page = (struct ring_page *)(void *)map;
	r->data = map + RING_PAGE;
	return 0;
}

struct ring *ring_create(size_t size)
{
	struct ring *r;

	if (size < RING_SIZE_MIN || size > RING_SIZE_MAX || (size & (size - 1)) != 0) {
		errno = EINVAL;
		return NULL;
	}
	r = calloc(1, sizeof(*r));
	if (!r)
		return NULL;
	MAGIC_SET(r, RING_MAGIC);
	r->size = size;
	r->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (r->event_fd >= 0 && map_memory(r) == 0)
		return r;
	ring_destroy(r);
	return NULL;
}

void ring_destroy(struct ring *ring)
{
	if (!ring)
		return;
	MAGIC_CHECK(ring, RING_MAGIC);
	MAGIC_CLEAR(ring);
	if (ring->page)
		(void)munmap(ring->page, RING_PAGE + ring->size);
	if (ring->event_fd >= 0)
		(void)close(ring->event_fd);
	free(ring);
}

static uint64_t record_size(size_t len)
{
	return sizeof(struct ring_record) + len;
}

static void copy_in(struct ring *r, uint64_t at, const void *data, size_t len)
{
	size_t place = (size_t)at & (r->size - 1);
	size_t first = SL_MIN(len, r->size - place);

	memcpy(r->data + place, data, first);
	memcpy(r->data, (const uint8_t *)data + first, len - first);
}

static void copy_out(const struct ring *r, uint64_t at, void *data, size_t len)
{
	size_t place = (size_t)at & (r->size - 1);
	size_t first = SL_MIN(len, r->size - place);

	memcpy(data, r->data + place, first);
	memcpy((uint8_t *)data + first, r->data, len - first);
}

/*
 * Sequentially consistent: the producer publishes `head` and then looks at `tail`, the consumer
 * publishes `tail` and then looks at `head`. One of them sees the other, so either the consumer
 * finds the record or the producer kicks.
 */
static uint64_t load(const uint64_t *v)
{
	return __atomic_load_n(v, __ATOMIC_SEQ_CST);
}

static void store(uint64_t *v, uint64_t value)
{
	__atomic_store_n(v, value, __ATOMIC_SEQ_CST);
}

static void count_lost(struct ring *ring, unsigned kind)
{
	uint64_t *v = &ring->page->lost[kind < RING_KINDS ? kind : 0];

	__atomic_store_n(v, __atomic_load_n(v, __ATOMIC_RELAXED) + 1, __ATOMIC_RELAXED);
}

int ring_write(struct ring *ring, unsigned kind, const void *data, size_t len)
{
	struct ring_record rec = {(uint32_t)len, kind};
	uint64_t head, tail, one = 1;

	MAGIC_CHECK(ring, RING_MAGIC);
	if (kind >= RING_KINDS || len > RING_RECORD_MAX)
		return SL_ERANGE;
	head = load(&ring->page->head);
	tail = load(&ring->page->tail);
	/* A predecessor in this slot may have left any number here. */
	if (head - tail > ring->size)
		head = tail;
	if (record_size(len) > ring->size - (head - tail)) {
		count_lost(ring, kind);
		return SL_ELIMIT;
	}
	copy_in(ring, head, &rec, sizeof(rec));
	copy_in(ring, head + sizeof(rec), data, len);
	store(&ring->page->head, head + record_size(len));
	if (load(&ring->page->tail) == head)
		(void)!write(ring->event_fd, &one, sizeof(one));
	return 0;
}

static void move_tail(struct ring *r, uint64_t tail)
{
	r->tail = tail;
	store(&r->page->tail, tail);
}

/* Bytes that wait; disarms the eventfd when there are none, and looks again after that. */
static uint64_t bytes_waiting(struct ring *r)
{
	uint64_t head = load(&r->page->head);
	uint64_t count;

	if (head != r->tail)
		return head - r->tail;
	(void)!read(r->event_fd, &count, sizeof(count));
	return load(&r->page->head) - r->tail;
}

/* Gives up what is there: the producer wrote what no producer of ours writes. */
static int reset(struct ring *r)
{
	move_tail(r, load(&r->page->head));
	return SL_EMALFORMED;
}

int ring_read(struct ring *ring, unsigned *ret_kind, uint8_t *data, size_t size, size_t *ret_len)
{
	struct ring_record rec;
	uint64_t waiting;

	MAGIC_CHECK(ring, RING_MAGIC);
	if (!ring->reading) { /* a consumer that was started again goes on where the last one was */
		ring->tail = load(&ring->page->tail);
		ring->reading = true;
	}
	waiting = bytes_waiting(ring);
	if (waiting == 0)
		return SL_EAGAIN;
	if (waiting > ring->size || waiting < sizeof(rec))
		return reset(ring);
	copy_out(ring, ring->tail, &rec, sizeof(rec));
	if (rec.len > RING_RECORD_MAX || rec.kind >= RING_KINDS || record_size(rec.len) > waiting)
		return reset(ring);
	if (rec.len > size)
		return SL_ERANGE;
	copy_out(ring, ring->tail + sizeof(rec), data, rec.len);
	move_tail(ring, ring->tail + record_size(rec.len));
	*ret_kind = rec.kind;
	*ret_len = rec.len;
	return 0;
}

int ring_event_fd(const struct ring *ring)
{
	MAGIC_CHECK(ring, RING_MAGIC);
	return ring->event_fd;
}

uint64_t ring_lost(const struct ring *ring, unsigned kind)
{
	MAGIC_CHECK(ring, RING_MAGIC);
	return kind < RING_KINDS ? __atomic_load_n(&ring->page->lost[kind], __ATOMIC_RELAXED) : 0;
}
