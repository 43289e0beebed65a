/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The counters' file: one page of header with a hash of the tables, then the slabs. Made by
 * `parent`, inherited by the children as a mapping, opened for reading by everyone else.
 */
#include "lib/event/counter.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/err.h"
#include "lib/base/magic.h"

enum {
	FILE_MAGIC = 0x434e5452,   /* of the struct */
	HEADER_MAGIC = 0x534c4354, /* of the file */
	HEADER_SIZE = 4096,
};

struct counter_header {
	uint32_t magic;
	uint32_t slab_size;
	uint64_t tables; /* hash of the three tables */
};

struct counter_file {
	uint32_t magic;
	uint8_t *map;
	size_t size;
};

struct counter_row {
	const char *group;
	const char *name;
	const char *help;
	enum counter_kind kind;
};

#define COUNTER COUNTER_KIND_COUNTER
#define GAUGE   COUNTER_KIND_GAUGE
static const struct counter_row rows[COUNTER_END] = {
#define X(group, name, kind, help) {#group, #name, help, kind},
#include "lib/event/counter.def"
#undef X
};
#undef COUNTER
#undef GAUGE

static const struct {
	const char *name;
	const char *help;
} histograms[HISTOGRAM_END] = {
#define X(name, help) {#name, help},
#include "lib/event/histogram.def"
#undef X
};

/* FNV-1a: tells two builds' tables apart, no more. */
static uint64_t hash_text(uint64_t h, const char *text)
{
	do {
		h = (h ^ (uint8_t)*text) * 0x100000001b3ULL;
	} while (*text++);
	return h;
}

static uint64_t hash_tables(void)
{
	uint64_t h = 0xcbf29ce484222325ULL;

	for (unsigned i = 0; i < COUNTER_END; i++)
		h = hash_text(hash_text(h, rows[i].group), rows[i].name);
	for (unsigned i = 0; i < REASON_END; i++)
		h = hash_text(h, reason_name((enum reason)i));
	for (unsigned i = 0; i < HISTOGRAM_END; i++)
		h = hash_text(h, histograms[i].name);
	return h;
}

static size_t file_size(void)
{
	return HEADER_SIZE + COUNTER_SLABS_MAX * sizeof(struct counter_slab);
}

static int map_file(int fd, int prot, struct counter_file **ret_file)
{
	struct counter_file *file = calloc(1, sizeof(*file));

	if (!file)
		return SL_ENOMEM;
	file->size = file_size();
	file->map = mmap(NULL, file->size, prot, MAP_SHARED, fd, 0);
	if (file->map == MAP_FAILED) {
		free(file);
		return SL_ESYS;
	}
	MAGIC_SET(file, FILE_MAGIC);
	*ret_file = file;
	return 0;
}

/*
 * A file of another size is replaced, not cut: a reader that still has it mapped would be killed by
 * SIGBUS. One of the same size is written over, so that readers see the new run.
 */
static int open_fresh(const char *path)
{
	struct stat st;

	if (lstat(path, &st) == 0 && (!S_ISREG(st.st_mode) || st.st_size != (off_t)file_size()) &&
	    unlink(path) != 0)
		return -1;
	return open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0644);
}

int counter_file_create(const char *path, struct counter_file **ret_file)
{
	struct counter_file *file = NULL;
	int fd = open_fresh(path);
	int rc = SL_ESYS;

	if (fd < 0)
		return SL_ESYS;
	if (fchmod(fd, 0644) == 0 && ftruncate(fd, (off_t)file_size()) == 0)
		rc = map_file(fd, PROT_READ | PROT_WRITE, &file);
	if (rc == 0) {
		struct counter_header header = {HEADER_MAGIC, sizeof(struct counter_slab),
		                                hash_tables()};

		memset(file->map, 0, file->size);
		memcpy(file->map, &header, sizeof(header));
		*ret_file = file;
	}
	(void)close(fd);
	return rc;
}

int counter_file_open(const char *path, struct counter_file **ret_file)
{
	int fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	struct counter_file *file = NULL;
	struct counter_header header;
	struct stat st;
	int rc = SL_EMISMATCH;

	if (fd < 0)
		return SL_ESYS;
	if (fstat(fd, &st) != 0)
		rc = SL_ESYS;
	else if (st.st_size == (off_t)file_size())
		rc = map_file(fd, PROT_READ, &file);
	(void)close(fd);
	if (rc != 0)
		return rc;
	memcpy(&header, file->map, sizeof(header));
	if (header.magic != HEADER_MAGIC || header.slab_size != sizeof(struct counter_slab) ||
	    header.tables != hash_tables()) {
		counter_file_close(file);
		return SL_EMISMATCH;
	}
	*ret_file = file;
	return 0;
}

void counter_file_close(struct counter_file *file)
{
	if (!file)
		return;
	MAGIC_CHECK(file, FILE_MAGIC);
	MAGIC_CLEAR(file);
	(void)munmap(file->map, file->size);
	free(file);
}

static struct counter_slab *slab_of(const struct counter_file *file, unsigned slot)
{
	return (struct counter_slab *)(void *)(file->map + HEADER_SIZE) + slot;
}

struct counter_slab *counter_file_slab(struct counter_file *file, unsigned slot)
{
	MAGIC_CHECK(file, FILE_MAGIC);
	assert(slot < COUNTER_SLABS_MAX);
	return slab_of(file, slot);
}

static uint64_t load(const uint64_t *v)
{
	return __atomic_load_n(v, __ATOMIC_RELAXED);
}

uint64_t counter_sum(const struct counter_file *file, enum counter counter)
{
	uint64_t sum = 0;

	MAGIC_CHECK(file, FILE_MAGIC);
	for (unsigned slot = 0; (unsigned)counter < COUNTER_END && slot < COUNTER_SLABS_MAX; slot++)
		sum += load(&slab_of(file, slot)->values[counter]);
	return sum;
}

uint64_t counter_sum_reason(const struct counter_file *file, enum reason reason)
{
	uint64_t sum = 0;

	MAGIC_CHECK(file, FILE_MAGIC);
	for (unsigned slot = 0; (unsigned)reason < REASON_END && slot < COUNTER_SLABS_MAX; slot++)
		sum += load(&slab_of(file, slot)->reasons[reason]);
	return sum;
}

void counter_sum_histogram(const struct counter_file *file, enum histogram histogram,
                           struct counter_histogram *ret_sum)
{
	MAGIC_CHECK(file, FILE_MAGIC);
	memset(ret_sum, 0, sizeof(*ret_sum));
	for (unsigned slot = 0; (unsigned)histogram < HISTOGRAM_END && slot < COUNTER_SLABS_MAX;
	     slot++) {
		const struct counter_histogram *h = &slab_of(file, slot)->histograms[histogram];

		ret_sum->sum_us += load(&h->sum_us);
		for (unsigned i = 0; i <= HISTOGRAM_BUCKETS; i++)
			ret_sum->buckets[i] += load(&h->buckets[i]);
	}
}

uint64_t histogram_bound_us(unsigned bucket)
{
	return bucket < HISTOGRAM_BUCKETS ? (uint64_t)HISTOGRAM_FIRST_US << bucket : 0;
}

const char *histogram_name(enum histogram histogram)
{
	return (unsigned)histogram < HISTOGRAM_END ? histograms[histogram].name : "unknown";
}

const char *histogram_help(enum histogram histogram)
{
	return (unsigned)histogram < HISTOGRAM_END ? histograms[histogram].help : "";
}

int counter_find(const char *group, const char *name, enum counter *ret_counter)
{
	for (unsigned i = 0; i < COUNTER_END; i++) {
		if (strcmp(rows[i].group, group) == 0 && strcmp(rows[i].name, name) == 0) {
			*ret_counter = (enum counter)i;
			return 0;
		}
	}
	return SL_ENOENT;
}

const char *counter_name(enum counter counter)
{
	return (unsigned)counter < COUNTER_END ? rows[counter].name : "unknown";
}

const char *counter_group(enum counter counter)
{
	return (unsigned)counter < COUNTER_END ? rows[counter].group : "unknown";
}

const char *counter_help(enum counter counter)
{
	return (unsigned)counter < COUNTER_END ? rows[counter].help : "";
}

enum counter_kind counter_kind(enum counter counter)
{
	return (unsigned)counter < COUNTER_END ? rows[counter].kind : COUNTER_KIND_COUNTER;
}
