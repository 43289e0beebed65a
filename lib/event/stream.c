/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Numbers and files of events. The sequence is found again in the last lines of the files; the
 * state file only has the epoch and a number that was never reached, for when the files are gone.
 */
#include "lib/event/stream.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/err.h"
#include "lib/base/log.h"
#include "lib/base/magic.h"
#include "lib/event/check.h"
#include "lib/event/syncer.h"

enum {
	STREAM_MAGIC = 0x53545245,
	DEVICE_MAX = 128,
	HEAD_MAX = 256 + DEVICE_MAX * 6, /* what is put before the producer's fields */
	LINE_MAX_BYTES = RING_RECORD_MAX + HEAD_MAX,
	RESERVE = 65536, /* numbers a write of the state file reserves */
};

struct gap {
	uint64_t count;
	char where[32]; /* the last producer it happened to */
};

struct event_stream {
	uint32_t magic;
	char epoch[STREAM_EPOCH_LEN + 1];
	uint64_t next;     /* number of the next event */
	bool found;        /* `next` is from the files */
	uint64_t reserved; /* the state file says: below this may be used */
	char state_path[512];
	char device[DEVICE_MAX * 6]; /* escaped */
	struct logfile *files[EVENT_KIND_END];
	struct gap gaps[EVENT_KIND_END];
	struct syncer *syncer;
	uint64_t border;           /* before it all is on the disk */
	uint64_t mark_next;        /* before it all is written, and on the disk once the syncer */
	uint64_t mark_after_files; /* is done with so many files */
	struct event_line scratch;
	char line[LINE_MAX_BYTES];
};

/* ---- state ------------------------------------------------------------------------------- */

static int write_state(struct event_stream *s)
{
	char path[520], text[80];
	int n = snprintf(text, sizeof(text), "%s %" PRIu64 "\n", s->epoch, s->next + RESERVE);
	int fd, rc = SL_ESYS;

	(void)snprintf(path, sizeof(path), "%s.new", s->state_path);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0640);
	if (fd < 0)
		return SL_ESYS;
	if (write(fd, text, (size_t)n) == n && fsync(fd) == 0 && rename(path, s->state_path) == 0) {
		s->reserved = s->next + RESERVE;
		rc = 0;
	}
	(void)close(fd);
	return rc;
}

static int new_epoch(struct event_stream *s)
{
	uint64_t random;

	if (getrandom(&random, sizeof(random), 0) != (ssize_t)sizeof(random))
		return SL_ESYS;
	(void)snprintf(s->epoch, sizeof(s->epoch), "%016" PRIx64, random);
	s->next = 1;
	return 0;
}

static bool epoch_valid(const char *text)
{
	return strspn(text, "0123456789abcdef") == STREAM_EPOCH_LEN && !text[STREAM_EPOCH_LEN];
}

static bool read_state(struct event_stream *s)
{
	FILE *f = fopen(s->state_path, "re");
	char epoch[32] = "";
	uint64_t reserved = 0;
	bool ok;

	if (!f)
		return false;
	ok = fscanf(f, "%31s %" SCNu64, epoch, &reserved) == 2 && epoch_valid(epoch) &&
	     reserved > 0;
	(void)fclose(f);
	if (ok) {
		memcpy(s->epoch, epoch, sizeof(s->epoch));
		s->reserved = reserved;
	}
	return ok;
}

/* The number behind the last one of a line of ours of this epoch; 0 when it is none. */
static uint64_t number_after(const struct event_stream *s, const char *line)
{
	char start[64];
	size_t len = (size_t)snprintf(start, sizeof(start), "{\"epoch\":\"%s\",\"seq\":", s->epoch);

	return strncmp(line, start, len) == 0 ? strtoull(line + len, NULL, 10) + 1 : 0;
}

/* The highest number in the files: each has its kind's last one at its end. */
static uint64_t number_of_files(struct event_stream *s)
{
	uint64_t next = 0;

	for (unsigned kind = 0; kind < EVENT_KIND_END; kind++) {
		char closed[560];

		(void)snprintf(closed, sizeof(closed), "%s.1", logfile_path(s->files[kind]));
		if (logfile_last_line(logfile_path(s->files[kind]), s->line, sizeof(s->line)) ==
		            0 ||
		    logfile_last_line(closed, s->line, sizeof(s->line)) == 0)
			next = SL_MAX(next, number_after(s, s->line));
	}
	return next;
}

static int find_place(struct event_stream *s)
{
	uint64_t found;

	if (!read_state(s)) {
		int rc = new_epoch(s);

		return rc == 0 ? write_state(s) : rc;
	}
	found = number_of_files(s);
	s->found = found != 0;
	s->next = found ? found : s->reserved;
	return write_state(s);
}

/* ---- open and close ---------------------------------------------------------------------- */

static void set_device(struct event_stream *s, const char *device)
{
	struct event_line *l = &s->scratch;

	event_begin(l, EVENT_SYSTEM, "");
	l->len = 0;
	l->need_comma = false;
	event_text_n(l, NULL, device, strnlen(device, DEVICE_MAX - 3));
	(void)snprintf(s->device, sizeof(s->device), "%.*s", (int)l->len, l->text);
}

static int open_files(struct event_stream *s, const char *directory,
                      const struct logfile_limits *limits)
{
	int rc = 0;

	s->syncer = syncer_create();
	if (!s->syncer)
		return SL_ESYS;
	for (unsigned kind = 0; kind < EVENT_KIND_END && rc == 0; kind++) {
		rc = logfile_open(directory, event_kind_name((enum event_kind)kind), limits,
		                  &s->files[kind]);
		if (rc == 0)
			logfile_set_syncer(s->files[kind], s->syncer);
	}
	return rc;
}

int event_stream_open(const char *directory, const char *state_dir, const char *device,
                      const struct logfile_limits *limits, struct event_stream **ret_stream)
{
	struct event_stream *s = calloc(1, sizeof(*s));
	int rc;

	if (!s)
		return SL_ENOMEM;
	MAGIC_SET(s, STREAM_MAGIC);
	set_device(s, device);
	(void)snprintf(s->state_path, sizeof(s->state_path), "%s/spool", state_dir);
	(void)mkdir(s->state_path, 0750);
	(void)snprintf(s->state_path, sizeof(s->state_path), "%s/spool/stream", state_dir);
	rc = open_files(s, directory, limits);
	if (rc == 0)
		rc = find_place(s);
	if (rc != 0) {
		int saved = errno;

		event_stream_close(s);
		errno = saved;
		return rc;
	}
	*ret_stream = s;
	return 0;
}

void event_stream_close(struct event_stream *stream)
{
	if (!stream)
		return;
	MAGIC_CHECK(stream, STREAM_MAGIC);
	for (unsigned kind = 0; kind < EVENT_KIND_END; kind++)
		logfile_close(stream->files[kind]);
	syncer_destroy(stream->syncer);
	MAGIC_CLEAR(stream);
	free(stream);
}

int event_stream_configure(struct event_stream *stream, const char *device,
                           const struct logfile_limits *limits)
{
	set_device(stream, device);
	for (unsigned kind = 0; kind < EVENT_KIND_END; kind++)
		logfile_set_limits(stream->files[kind], limits);
	return 0;
}

/* ---- events ------------------------------------------------------------------------------ */

static size_t build_line(struct event_stream *s, const char *json, size_t len)
{
	int n = snprintf(s->line, HEAD_MAX, "{\"epoch\":\"%s\",\"seq\":%" PRIu64 ",\"device\":%s",
	                 s->epoch, s->next, s->device);
	size_t at = (size_t)n;

	if (len > 2)
		s->line[at++] = ',';
	memcpy(s->line + at, json + 1, len - 1);
	return at + len - 1;
}

int event_stream_add(struct event_stream *stream, enum event_kind kind, const char *json,
                     size_t len, const char **ret_line, size_t *ret_len)
{
	size_t n;
	int rc;

	MAGIC_CHECK(stream, STREAM_MAGIC);
	if ((unsigned)kind >= EVENT_KIND_END || len > RING_RECORD_MAX || !event_check(json, len))
		return SL_EMALFORMED;
	if (stream->next >= stream->reserved && write_state(stream) != 0)
		return SL_ELIMIT;
	n = build_line(stream, json, len);
	rc = logfile_add(stream->files[kind], stream->line, n);
	if (rc != 0) {
		event_stream_lost(stream, kind, 1, "disk");
		return SL_ELIMIT;
	}
	stream->next++;
	*ret_line = stream->line;
	*ret_len = n;
	return 0;
}

void event_stream_lost(struct event_stream *stream, enum event_kind kind, uint64_t count,
                       const char *where)
{
	struct gap *gap = &stream->gaps[(unsigned)kind < EVENT_KIND_END ? kind : EVENT_SYSTEM];

	gap->count += count;
	(void)snprintf(gap->where, sizeof(gap->where), "%s", where);
}

static void add_gap(struct event_stream *s, enum event_kind kind, const struct gap *gap)
{
	struct event_line *l = &s->scratch;
	const char *line;
	size_t len;

	event_begin(l, kind, "gap");
	event_object_begin(l, "gap");
	event_text(l, "kind", event_kind_name(kind));
	event_uint(l, "lost", gap->count);
	event_text(l, "where", gap->where);
	event_object_end(l);
	(void)event_finish(l);
	(void)!event_stream_add(s, kind, l->text, l->len, &line, &len);
}

static void add_gaps(struct event_stream *s)
{
	for (unsigned kind = 0; kind < EVENT_KIND_END; kind++) {
		struct gap gap = s->gaps[kind];

		if (gap.count == 0)
			continue;
		s->gaps[kind] = (struct gap){.count = 0};
		add_gap(s, (enum event_kind)kind, &gap);
	}
}

/* On a full disk: the oldest closed file of the lowest rank up to `rank`. */
static bool make_room(struct event_stream *s, unsigned rank)
{
	for (unsigned r = 0; r <= rank; r++) {
		for (unsigned kind = 0; kind < EVENT_KIND_END; kind++) {
			uint64_t bytes;

			if (event_kind_rank((enum event_kind)kind) != r ||
			    logfile_drop_oldest(s->files[kind], &bytes) != 0)
				continue;
			event_stream_lost(s, (enum event_kind)kind, bytes / 512,
			                  "old files, estimated");
			return true;
		}
	}
	return false;
}

static int sync_kind(struct event_stream *s, enum event_kind kind)
{
	int rc = logfile_sync(s->files[kind]);

	while (rc != 0 && (errno == ENOSPC || errno == EDQUOT) &&
	       make_room(s, event_kind_rank(kind)))
		rc = logfile_sync(s->files[kind]);
	if (rc != 0)
		event_stream_lost(s, kind, logfile_discard(s->files[kind]), "disk");
	return rc;
}

static bool all_clean(const struct event_stream *s)
{
	for (unsigned kind = 0; kind < EVENT_KIND_END; kind++)
		if (!logfile_is_clean(s->files[kind]))
			return false;
	return true;
}

static void reach_mark(struct event_stream *s)
{
	if (syncer_done(s->syncer) >= s->mark_after_files)
		s->border = s->mark_next;
}

/* One mark at a time: it is a batch behind at most. */
static void move_border(struct event_stream *s)
{
	reach_mark(s);
	if (s->border != s->mark_next || !all_clean(s))
		return;
	s->mark_next = s->next;
	s->mark_after_files = syncer_submitted(s->syncer);
	reach_mark(s);
}

void event_stream_border(const struct event_stream *stream, struct event_border *ret_border)
{
	memcpy(ret_border->epoch, stream->epoch, sizeof(ret_border->epoch));
	ret_border->next = stream->border;
	for (unsigned kind = 0; kind < EVENT_KIND_END; kind++)
		ret_border->files[kind] = logfile_number(stream->files[kind]);
}

int event_stream_open_file(const struct event_stream *stream, enum event_kind kind, uint32_t number,
                           int *ret_fd)
{
	if ((unsigned)kind >= EVENT_KIND_END)
		return SL_ENOENT;
	return logfile_open_number(stream->files[kind], number, ret_fd);
}

int event_stream_follow(struct event_stream *stream, const struct event_stream *before)
{
	if (memcmp(stream->epoch, before->epoch, sizeof(stream->epoch)) != 0)
		return 0;
	stream->next = stream->found ? SL_MAX(stream->next, before->next) : before->next;
	return write_state(stream);
}

int event_stream_sync(struct event_stream *stream)
{
	int first = 0, error;

	MAGIC_CHECK(stream, STREAM_MAGIC);
	add_gaps(stream);
	for (unsigned kind = 0; kind < EVENT_KIND_END; kind++) {
		int rc = sync_kind(stream, (enum event_kind)kind);

		if (first == 0)
			first = rc;
	}
	move_border(stream);
	error = syncer_take_error(stream->syncer);
	if (first == 0 && error != 0) {
		errno = error;
		first = SL_ESYS;
	}
	return first;
}

const char *event_stream_epoch(const struct event_stream *stream)
{
	return stream->epoch;
}

uint64_t event_stream_next(const struct event_stream *stream)
{
	return stream->next;
}

const char *event_stream_path(const struct event_stream *stream, enum event_kind kind)
{
	return logfile_path(stream->files[(unsigned)kind < EVENT_KIND_END ? kind : EVENT_SYSTEM]);
}
