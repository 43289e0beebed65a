/* SPDX-License-Identifier: Apache-2.0 */
/* From the rings to the disk. The header has the contract, docs/internals/events.md the why. */
#include "tpsd/report/journal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "lib/base/buf.h"
#include "lib/base/clock.h"
#include "lib/base/err.h"
#include "lib/base/log.h"
#include "lib/conf/config.h"
#include "lib/event/stream.h"
#include "lib/event/syslog.h"
#include "tpsd/report/control.h"
#include "tpsd/report/history.h"
#include "tpsd/report/remote.h"
#include "tpsd/report/slots.h"

enum {
	SYNC_EVERY_MS = 100,
	READ_AT_ONCE = 2000, /* records of one ring before the others have their turn */
	LISTENERS_MAX = 32,
	SYSLOG_MAX = 8,
	COMPLAIN_EVERY_S = 60,
	DIRECTORY_MAX = 512,
};

#define DIRECTORY_FILE "log_directory" /* in the state directory; none: the usual one */

struct source {
	struct loop_source source; /* first */
	struct journal *journal;
	unsigned slot;
	uint64_t lost[EVENT_KIND_END]; /* of the ring, as far as it was told */
};

struct listener {
	journal_listener_fn *fn;
	void *arg;
};

struct journal {
	struct control *control;
	struct event_stream *stream;
	uint32_t run; /* another one when the stream is */
	struct source sources[PROC_SLOTS];
	struct loop_timer sync;
	struct listener listeners[LISTENERS_MAX];
	struct syslog_target *syslog[SYSLOG_MAX];
	size_t nsyslog;
	uint64_t syslog_lost; /* as far as it was told */
	uint64_t complained_ns;
	struct event_line scratch;
	uint8_t record[RING_RECORD_MAX];
};

/* What each process has to say: a worker that was broken into writes no audit lines. */
static bool may_write(unsigned slot, unsigned kind)
{
	if (slot == PROC_SLOT_CONTROL)
		return kind < EVENT_KIND_END;
	if (slot >= PROC_SLOT_WORKER || slot == PROC_SLOT_WIRE)
		return kind < EVENT_KIND_END && kind != EVENT_AUDIT;
	return kind == EVENT_SYSTEM;
}

/* Once a minute at most: a log of the log's own troubles must not feed itself. */
static bool may_complain(struct journal *j)
{
	uint64_t now = clock_now_ns();

	if (j->complained_ns && now - j->complained_ns < COMPLAIN_EVERY_S * CLOCK_NS_PER_S)
		return false;
	j->complained_ns = now;
	return true;
}

static void tell_listeners(struct journal *j, enum event_kind kind, const char *line, size_t len)
{
	for (size_t i = 0; i < LISTENERS_MAX; i++)
		if (j->listeners[i].fn)
			j->listeners[i].fn(j->listeners[i].arg, kind, line, len);
}

static void count_lost(struct journal *j, unsigned kind, uint64_t n, const char *where)
{
	counter_add(j->control->proc->counters, COUNTER_lost, n);
	event_stream_lost(j->stream, (enum event_kind)kind, n, where);
}

static void add_record(struct journal *j, unsigned slot, unsigned kind, size_t len)
{
	const char *line;
	char name[SLOT_NAME_MAX];
	size_t n;
	int rc = may_write(slot, kind) ? event_stream_add(j->stream, (enum event_kind)kind,
	                                                  (const char *)j->record, len, &line, &n)
	                               : SL_EPERM;

	if (rc == SL_EMALFORMED || rc == SL_EPERM) {
		counter_add(j->control->proc->counters, COUNTER_refused, 1);
		if (may_complain(j))
			log_critical(
			        "%s wrote an event that no process of ours writes: it is taken "
			        "as broken into or faulty",
			        slot_name(slot, name));
		return;
	}
	if (rc != 0) {
		counter_add(j->control->proc->counters, COUNTER_lost, 1);
		return;
	}
	counter_add(j->control->proc->counters, COUNTER_written, 1);
	for (size_t i = 0; i < j->nsyslog; i++)
		(void)syslog_send(j->syslog[i], (enum event_kind)kind, line, n);
	tell_listeners(j, (enum event_kind)kind, line, n);
}

/* True when there may be more. */
static bool read_ring(struct journal *j, unsigned slot)
{
	struct ring *ring = j->control->proc->rings[slot];

	for (unsigned i = 0; i < READ_AT_ONCE; i++) {
		unsigned kind;
		size_t len;
		int rc = ring_read(ring, &kind, j->record, sizeof(j->record), &len);

		if (rc == SL_EAGAIN)
			return false;
		if (rc == 0)
			add_record(j, slot, kind, len);
		else
			counter_add(j->control->proc->counters, COUNTER_refused, 1);
	}
	return true;
}

static void read_losses(struct journal *j, unsigned slot)
{
	struct ring *ring = j->control->proc->rings[slot];
	struct source *s = &j->sources[slot];
	char name[SLOT_NAME_MAX];

	for (unsigned kind = 0; kind < EVENT_KIND_END; kind++) {
		uint64_t lost = ring_lost(ring, kind);

		/* The number is the producer's: one that runs backwards says nothing. */
		if (lost > s->lost[kind])
			count_lost(j, kind, lost - s->lost[kind], slot_name(slot, name));
		s->lost[kind] = lost;
	}
}

static void on_ring(struct loop_source *source, uint32_t events)
{
	struct source *s = (struct source *)source;

	(void)read_ring(s->journal, s->slot);
}

static void tell_syslog_losses(struct journal *j)
{
	uint64_t lost = 0;

	for (size_t i = 0; i < j->nsyslog; i++)
		lost += syslog_lost(j->syslog[i]);
	if (lost > j->syslog_lost && may_complain(j)) {
		log_warning("syslog: %llu events were not taken by a server; the files have them",
		            (unsigned long long)(lost - j->syslog_lost));
		j->syslog_lost = lost;
	}
}

void journal_flush(struct journal *journal)
{
	for (unsigned slot = 0; slot < PROC_SLOTS; slot++) {
		if (!journal->control->proc->rings[slot])
			continue;
		(void)read_ring(journal, slot);
		read_losses(journal, slot);
	}
	if (event_stream_sync(journal->stream) != 0 && may_complain(journal))
		log_critical("events cannot be written to %s: %s",
		             event_stream_path(journal->stream, EVENT_SYSTEM), strerror(errno));
}

static void on_sync(struct loop_timer *timer)
{
	struct journal *j =
	        (struct journal *)(void *)((char *)timer - offsetof(struct journal, sync));

	journal_flush(j);
	remote_events(j->control);
	tell_syslog_losses(j);
	(void)loop_timer_set(timer->loop, timer, SYNC_EVERY_MS * CLOCK_NS_PER_MS, on_sync);
}

static int watch_rings(struct journal *j)
{
	struct proc *proc = j->control->proc;

	for (unsigned slot = 0; slot < PROC_SLOTS; slot++) {
		struct source *s = &j->sources[slot];

		s->journal = j;
		s->slot = slot;
		if (proc->rings[slot] &&
		    loop_add(proc->loop, &s->source, ring_event_fd(proc->rings[slot]), EPOLLIN,
		             on_ring) != 0)
			return SL_ESYS;
	}
	return loop_timer_set(proc->loop, &j->sync, SYNC_EVERY_MS * CLOCK_NS_PER_MS, on_sync);
}

static const struct logfile_limits limits_at_start = {.rotate_size = 100u << 20, .kept = 10};

static int open_stream(struct journal *j, const char *directory)
{
	char host[128] = "sluice";

	(void)gethostname(host, sizeof(host) - 1);
	return event_stream_open(directory, j->control->proc->state_dir, host, &limits_at_start,
	                         &j->stream);
}

/* Where it was written last: the first lines of a run belong behind the last ones of the one
 * before, in files and in numbers, though no configuration is read yet. */
static int open_last(struct journal *j)
{
	struct buf directory;
	int rc;

	buf_init(&directory, DIRECTORY_MAX);
	rc = state_read(j->control->proc->state_dir, DIRECTORY_FILE, &directory);
	if (rc == 0)
		rc = open_stream(j, buf_text(&directory));
	buf_fini(&directory);
	return rc == 0 ? 0 : open_stream(j, j->control->proc->log_dir);
}

static void remember(const struct journal *j, const char *directory)
{
	const struct proc *proc = j->control->proc;
	bool usual = strcmp(directory, proc->log_dir) == 0;

	if (state_write(proc->state_dir, DIRECTORY_FILE, directory, usual ? 0 : strlen(directory)))
		log_warning("%s/" DIRECTORY_FILE " cannot be written: %s", proc->state_dir,
		            strerror(errno));
}

int journal_open(struct control *control, struct journal **ret_journal)
{
	struct journal *j = calloc(1, sizeof(*j));
	int rc;

	if (!j)
		return SL_ENOMEM;
	j->control = control;
	rc = open_last(j);
	if (rc == 0)
		rc = watch_rings(j);
	if (rc != 0) {
		journal_close(j);
		return rc;
	}
	*ret_journal = j;
	return 0;
}

static void close_syslog(struct journal *j)
{
	for (size_t i = 0; i < j->nsyslog; i++)
		syslog_close(j->syslog[i]);
	j->nsyslog = 0;
	j->syslog_lost = 0;
}

void journal_close(struct journal *journal)
{
	if (!journal)
		return;
	if (journal->stream)
		journal_flush(journal);
	loop_timer_cancel(&journal->sync);
	for (unsigned slot = 0; slot < PROC_SLOTS; slot++)
		loop_remove(&journal->sources[slot].source);
	close_syslog(journal);
	event_stream_close(journal->stream);
	free(journal);
}

static void open_syslog(struct journal *j, const struct config *config)
{
	close_syslog(j);
	for (size_t i = 0; i < config->logging.syslog_count && j->nsyslog < SYSLOG_MAX; i++) {
		const struct config_syslog *s = &config->logging.syslog[i];
		const struct syslog_options options = {
		        .address = s->address,
		        .port = s->port,
		        .tcp = s->protocol == CONFIG_TRANSPORT_TCP,
		        .kinds = s->kinds ? s->kinds : UINT32_MAX,
		        .hostname = config->device.name,
		};

		if (syslog_open(j->control->proc->loop, &options, &j->syslog[j->nsyslog]) == 0)
			j->nsyslog++;
		else
			log_error("syslog: no socket for server %zu: %s", i + 1, strerror(errno));
	}
}

/* Another directory: the new stream is opened before the old one is given up. */
static void change_directory(struct journal *j, const char *directory, const struct config *config,
                             const struct logfile_limits *limits)
{
	struct event_stream *stream;

	journal_flush(j);
	if (event_stream_open(directory, j->control->proc->state_dir, config->device.name, limits,
	                      &stream) != 0) {
		log_critical("events cannot be written to %s: %s; they go on to %s", directory,
		             strerror(errno), event_stream_path(j->stream, EVENT_SYSTEM));
		return;
	}
	/* Where the files are is no reason for a gap in the numbers. */
	if (event_stream_follow(stream, j->stream) != 0)
		log_warning("events: numbers go on from a reserve: %s", strerror(errno));
	event_stream_close(j->stream);
	j->stream = stream;
	j->run++;
	remember(j, directory);
}

void journal_configure(struct journal *journal, const struct config *config)
{
	const struct logfile_limits limits = {.rotate_size = config->logging.rotate_size,
	                                      .kept = config->logging.rotate_count};
	const char *directory = config->logging.directory[0] ? config->logging.directory
	                                                     : journal->control->proc->log_dir;
	const char *path = event_stream_path(journal->stream, EVENT_SYSTEM);
	size_t len = strlen(directory);

	if (strncmp(path, directory, len) != 0 || strcmp(path + len, "/system.json") != 0)
		change_directory(journal, directory, config, &limits);
	(void)event_stream_configure(journal->stream, config->device.name, &limits);
	open_syslog(journal, config);
}

int journal_listen(struct journal *journal, journal_listener_fn *fn, void *arg)
{
	for (size_t i = 0; i < LISTENERS_MAX; i++) {
		if (!journal->listeners[i].fn) {
			journal->listeners[i] = (struct listener){fn, arg};
			return 0;
		}
	}
	return SL_ELIMIT;
}

void journal_unlisten(struct journal *journal, journal_listener_fn *fn, void *arg)
{
	for (size_t i = 0; i < LISTENERS_MAX; i++)
		if (journal->listeners[i].fn == fn && journal->listeners[i].arg == arg)
			journal->listeners[i].fn = NULL;
}

const char *journal_path(const struct journal *journal, enum event_kind kind)
{
	return event_stream_path(journal->stream, kind);
}

void journal_border(const struct journal *journal, struct event_border *ret_border,
                    uint32_t *ret_run)
{
	event_stream_border(journal->stream, ret_border);
	*ret_run = journal->run;
}

int journal_open_file(const struct journal *journal, enum event_kind kind, uint32_t number,
                      int *ret_fd)
{
	return event_stream_open_file(journal->stream, kind, number, ret_fd);
}

struct event_line *journal_scratch(struct journal *journal)
{
	return &journal->scratch;
}
